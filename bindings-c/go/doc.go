// Package datasus reads Brazil's public-health records (DATASUS), from the ministry's files to Arrow, CSV, Parquet and
// PostgreSQL, inside your process, by way of libdatasus.
//
//	client, err := datasus.Open("datasus://", nil)
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	rows, err := client.Query(ctx, datasus.Params{
//		Dataset: "SIH-RD", UF: []string{"AC"}, Competencia: "202401", Columns: []string{"CNES", "VAL_TOT"},
//	})
//	if err != nil {
//		return err
//	}
//	defer rows.Close()
//	for rows.Next() {
//		fmt.Println(rows.RecordBatch().NumRows())
//	}
//	return rows.Err()
//
// Errors are *[Error], by [errors.As]; one that comes of a context is that context's error as well, by [errors.Is]. Clients
// and jobs may be used by any goroutine, and several at once; rows by one at a time. What has a Close must be closed.
//
// The library is found by pkg-config (package datasus, see the README of bindings-c). After a fork without exec, which Go does
// not do, nothing works.
package datasus
