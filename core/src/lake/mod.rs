//! The lake: immutable Parquet, converted from source files, partitioned by sistema, grupo, uf and competência.
