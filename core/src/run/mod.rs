//! Wires plan, engine and sinks; owns Job and Report.
