//! Nothing but dependencies. Cargo compiles a crate once for each set of features that is asked of it; a face built alone would
//! ask for fewer than the workspace with its tests does, and the whole core would be compiled again, the same.
