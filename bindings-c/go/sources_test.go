package datasus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

func TestASyncEndsWithItsContext(t *testing.T) {
	folder := t.TempDir()
	if err := datasus.WriteExampleData(folder, 5000); err != nil {
		t.Fatal(err)
	}
	client, err := datasus.Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Sync(ctx, datasus.Params{Dataset: "SIH-RD"})
	coded(t, err, "DS-499")
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	outcome, err := client.Sync(t.Context(), datasus.Params{Dataset: "SIH-RD"})
	if err != nil || outcome.Files == 0 || outcome.Rows == 0 || len(outcome.Sources) != int(outcome.Files) {
		t.Errorf("%+v, %v", outcome, err)
	}
}

func TestASyncTellsHowFarItHasCome(t *testing.T) {
	folder := t.TempDir()
	if err := datasus.WriteExampleData(folder, 200); err != nil {
		t.Fatal(err)
	}
	client, err := datasus.Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var last datasus.Progress
	outcome, err := client.SyncWatched(t.Context(), datasus.Params{Dataset: "SIH-RD"}, func(now datasus.Progress) { last = now })
	if err != nil || last.State != datasus.Completed || last.FilesDone != outcome.Files || last.Bytes == 0 {
		t.Errorf("%+v, %+v, %v", last, outcome, err)
	}
}

func TestATableOfOnesOwnComesAsArrow(t *testing.T) {
	client, _ := open(t)
	schema := arrow.NewSchema([]arrow.Field{{Name: "codigo", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"120040", "140010"}, nil)
	builder.Field(1).(*array.Int64Builder).AppendValues([]int64{40, 2}, nil)
	batch := builder.NewRecordBatch()
	defer batch.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.AddTable("minha", reader); err != nil {
		t.Fatal(err)
	}
	rows, err := client.Query(t.Context(), datasus.Params{SQL: "SELECT CAST(sum(n) AS BIGINT) AS n FROM minha"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	if !rows.Next() || rows.RecordBatch().Column(0).(*array.Int64).Value(0) != 42 {
		t.Error(rows.Err())
	}
	again, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	coded(t, client.AddTable("sih_rd", again), "DS-422")
}

func TestDeclaredSourcesAndOwnTablesAreReadByTheirNames(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	exported := write("saidas.csv", "N_AIH;UF_ZI;ANO_CMPT;MES_CMPT;CNES\n1;120000;2024;01;2000733\n2;350000;2024;02;2077590\n")
	houses := write("casas.csv", "cnes,nome\n2000733,Hospital A\n")
	client, err := datasus.Open("", &datasus.Config{
		Lake:     filepath.Join(folder, "lake"),
		Declared: map[string][]string{"SIH-RD": {exported}},
		Tables:   map[string]string{"casas": houses},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	held, err := client.Datasets()
	if err != nil || len(held.Datasets) != 1 || held.Datasets[0].Dataset != "SIH-RD" || held.Datasets[0].Files != 2 {
		t.Errorf("%+v, %v", held, err)
	}
	rows, err := client.Query(t.Context(), datasus.Params{SQL: "SELECT nome FROM sih_rd JOIN casas USING (cnes)"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if _, err := datasus.Open("", &datasus.Config{Lake: folder, Declared: map[string][]string{"SIH-XX": {exported}}}); err == nil {
		t.Error("a dataset that does not exist was declared")
	}
}
