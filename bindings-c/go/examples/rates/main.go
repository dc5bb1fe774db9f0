// Command rates gives infant mortality by municipality, and shows what a population that is missing is: rates [folder]. Without a
// folder it makes one with made-up files.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	source := "exemplo"
	if len(os.Args) > 1 {
		source = os.Args[1]
	} else if err := datasus.WriteExampleData(source, 2000); err != nil {
		return err
	}
	client, err := datasus.Open(source, nil)
	if err != nil {
		return err
	}
	defer client.Close()

	// Foetal deaths are in the same file, and are no deaths of the rates.
	notFoetal := datasus.Filter{Column: "TIPOBITO", Op: "eq", Value: "2"}
	infant := datasus.Filter{Column: "obito_infantil", Op: "eq", Value: 1}
	per := 1000.0
	rates, err := client.Rates(datasus.RatesParams{
		Events: datasus.Params{Dataset: "SIM-DO", UF: []string{"AC"}, Competencia: "2022", Where: []datasus.Filter{notFoetal, infant}},
		// The denominator of infant mortality are births.
		Population: &datasus.Params{Dataset: "SINASC-DN"},
		Per:        &per,
	})
	if err != nil {
		return err
	}
	for _, rate := range rates.Rows {
		fmt.Printf("%s: %d de %d nascidos vivos, %.1f por mil\n", rate.Municipio, rate.Events, rate.Population, rate.Crude)
	}
	for _, warning := range rates.Warnings {
		fmt.Fprintln(os.Stderr, warning)
	}

	// Of all ages: by the population of IBGE-POPSVS, which this folder need not have. That is an error, and never a rate of 0.
	rates, err = client.Rates(datasus.RatesParams{
		Events: datasus.Params{Dataset: "SIM-DO", Competencia: "2022", Where: []datasus.Filter{notFoetal}},
	})
	var failure *datasus.Error
	if errors.As(err, &failure) && failure.Code == "DS-404" {
		fmt.Println(failure.Code)
		return nil
	} else if err != nil {
		return err
	}
	for _, rate := range rates.Rows {
		fmt.Printf("%s: %.1f por 100 mil\n", rate.Municipio, rate.Crude)
	}
	return nil
}
