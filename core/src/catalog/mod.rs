//! What the ministry publishes: sistemas, grupos, file names, columns and their types.
