//! From params to pruned files and one SQL.
