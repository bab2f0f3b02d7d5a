//! Wardroom's behaviour, through its public surface: one binary, a folder per subject, a module per resource.

mod alerts;
mod connections;
mod durability;
mod fixture;
mod incidents;
mod journeys;
mod people;
mod plugins;
mod runs;
mod schedules;
mod workflows;
