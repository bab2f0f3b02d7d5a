//! What becomes of a schedule's times: the pure function that the scheduler obeys.
