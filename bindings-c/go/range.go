package datasus

// Range is of months or years, both ends included, for Params.Competencia; which is else a month (2024-01, 01/2024, 202401) or a year
// (2024: its twelve months) as a string or a number, several in a slice, or a time.Time at midnight, which stands for its month.
type Range struct {
	From string `json:"from"`
	To   string `json:"to"`
}
