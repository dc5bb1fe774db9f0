// Command query sums admissions by facility, and writes the same rows as CSV: query [folder]. Without a folder it makes one with
// made-up files. Ctrl-C stops it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/apache/arrow-go/v18/arrow/array"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx)
	var failure *datasus.Error
	if errors.As(err, &failure) {
		log.Fatalf("%s (%v): %s", failure.Code, failure.Diagnostic, failure.Message)
	} else if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "datasus")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	source := folder
	if len(os.Args) > 1 {
		source = os.Args[1]
	} else if err := datasus.WriteExampleData(source, 100); err != nil {
		return err
	}
	client, err := datasus.Open(source, &datasus.Config{Output: folder})
	if err != nil {
		return err
	}
	defer client.Close()

	params := datasus.Params{
		Dataset: "SIH-RD", UF: []string{"AC"}, Competencia: datasus.Range{From: "202401", To: "202403"},
		// Under 18: IDADE alone is no age, COD_IDADE says whether it counts days (2), months (3) or years (4).
		Where: []datasus.Filter{{Any: []datasus.Filter{
			{Column: "COD_IDADE", Op: "in", Value: []string{"2", "3"}},
			{All: []datasus.Filter{{Column: "COD_IDADE", Op: "eq", Value: "4"}, {Column: "IDADE", Op: "lt", Value: 18}}},
		}}},
		GroupBy:    []string{"CNES"},
		Aggregates: []datasus.Aggregate{{Fn: "sum", Column: "VAL_TOT", As: "valor"}},
		OrderBy:    []datasus.OrderBy{{Column: "valor", Desc: true}},
	}
	rows, err := client.Query(ctx, params)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		batch := rows.RecordBatch()
		facility, value := batch.Column(0).(*array.String), batch.Column(1)
		for row := range facility.Len() {
			fmt.Printf("CNES %s: R$ %s\n", facility.Value(row), value.ValueStr(row))
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}

	report, err := client.Export(ctx, datasus.Params{Dataset: "SIH-RD", UF: []string{"AC"}}, datasus.CSV{Path: "internacoes.csv"})
	if err != nil {
		return err
	}
	fmt.Printf("%d registros em %v\n", report.RecordsProcessed, report.Storage)
	return nil
}
