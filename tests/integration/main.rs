//! Wardroom's behaviour, through its public surface: one binary, a module per resource.

mod alerts;
mod connections;
mod durability;
mod incidents;
mod journeys;
mod people;
mod plugins;
mod runs;
mod schedules;
mod workflows;
