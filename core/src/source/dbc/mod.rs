//! DBC and DBF files, decoded in a bounded window straight into Arrow columns.
