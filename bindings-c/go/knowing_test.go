package datasus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

func TestColumnsAreProfiledFoundAndRated(t *testing.T) {
	client, _ := open(t)
	profile, err := client.Profile(t.Context(), datasus.Params{Dataset: "SIH-RD", Columns: []string{"SEXO"}})
	if err != nil || len(profile.Columns) != 1 || profile.Columns[0].Distinct != 2 || !profile.Exact {
		t.Errorf("%+v, %v", profile, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := client.Profile(ended, datasus.Params{Dataset: "SIH-RD"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	found, err := client.Search("feminino", "SIH-RD")
	if err != nil || found[0].Column != "SEXO" || found[0].FoundIn != "label" {
		t.Errorf("%+v, %v", found, err)
	}
	rates, err := client.Rates(`{"events": {"dataset": "SIH-RD"}, "population": {"dataset": "SIH-RD"}, "per": 10}`)
	if err != nil || len(rates.Rows) == 0 || rates.Rows[0].Crude != 10 {
		t.Errorf("%+v, %v", rates, err)
	}
}

func TestWhatTheClientKnowsIsTyped(t *testing.T) {
	client, _ := open(t)
	if jobs, err := client.Jobs(); err != nil || len(jobs) != 0 {
		t.Errorf("%+v, %v", jobs, err)
	}
	held, err := client.Datasets()
	if err != nil || !slices.ContainsFunc(held.Datasets, func(one datasus.DatasetSummary) bool {
		return one.Dataset == "SIH-RD" && one.Files > 0 && one.First != nil && *one.First == "202401" && slices.Contains(one.UFs, "AC")
	}) {
		t.Errorf("%+v, %v", held, err)
	}
	known, err := client.Catalog()
	if err != nil || !slices.ContainsFunc(known, func(one datasus.Known) bool { return one.Table == "sim_do" && one.Period == datasus.PeriodYear }) {
		t.Errorf("%d, %v", len(known), err)
	}
	schema, err := client.Schema("SIH-RD")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]datasus.LogicalType{}
	for _, column := range schema.Columns {
		kinds[column.Name] = column.Kind
	}
	if kinds["VAL_TOT"].Decimal == nil || kinds["VAL_TOT"].Decimal.Scale != 2 || kinds["CNES"] != (datasus.LogicalType{}) || kinds["DT_INTER"].Date == nil {
		t.Errorf("%+v", kinds)
	}
	// The made-up files have no kit, and a folder has what it has.
	if _, err := client.SyncDictionaries(""); err == nil {
		t.Error("a kit was found where there is none")
	}
	kit := filepath.Join(t.TempDir(), "TAB_SIH")
	if err := os.Mkdir(kit, 0o755); err != nil {
		t.Fatal(err)
	}
	table := fmt.Sprintf("1 1\n%7d  %-51s%s\n", 1, "Qualquer", "0-9")
	if err := os.WriteFile(filepath.Join(kit, "SEXO.CNV"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	if synced, err := client.SyncDictionaries(kit); err != nil || len(synced.Kits) != 1 || synced.Kits[0].Kit != "sih" {
		t.Errorf("%+v, %v", synced, err)
	}
	plan, err := client.Explain(datasus.Params{Dataset: "SIH-RD"})
	if err != nil || plan.Files.Read == 0 || plan.Files.Read != plan.Files.Present || len(plan.ToConvert) == 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	expected, err := client.Estimate(datasus.Params{Dataset: "SIH-RD"})
	if err != nil || expected.Rows.Likely == 0 || expected.Rows.Low > expected.Rows.Likely || expected.FilesToConvert == 0 {
		t.Errorf("%+v, %v", expected, err)
	}
	if said, err := datasus.JSONSchema(); err != nil || !json.Valid(said) {
		t.Error(err)
	}
	if metrics, err := client.Metrics(); err != nil || !strings.Contains(metrics, "# TYPE datasus_") {
		t.Error(err)
	}
	if metrics, err := client.OpenMetrics(); err != nil || !strings.HasSuffix(metrics, "# EOF\n") {
		t.Error(err)
	}
}
