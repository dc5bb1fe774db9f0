package datasus

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// What is printed or logged of settings and sinks holds no password, whatever verb prints it and whatever field it was given for.
// encoding/json writes all of it: that is the form the library is told.

const (
	hidden  = "***"
	longest = 200
)

// A text that may be an address with its password is not shown: rather a word too much.
func shown(text string) string {
	if strings.ContainsAny(text, "@=") || strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "postgres") {
		return hidden
	}
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}

// A copy whose texts may be seen.
func seen[T any](of T) T {
	fields := reflect.ValueOf(&of).Elem()
	for i := range fields.NumField() {
		switch field := fields.Field(i); field.Kind() {
		case reflect.String:
			field.SetString(shown(field.String()))
		case reflect.Slice:
			list := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
			for j := range field.Len() {
				list.Index(j).SetString(shown(field.Index(j).String()))
			}
			if !field.IsNil() {
				field.Set(list)
			}
		}
	}
	return of
}

func address(text string) string {
	if text == "" {
		return ""
	}
	return hidden
}

// Format prints the settings without passwords.
func (c Config) Format(f fmt.State, verb rune) {
	type plain Config
	c.Postgres = address(c.Postgres)
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(seen(c)))
}

// LogValue logs the settings without passwords.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", c)) }

// Format prints the sink without passwords.
func (s CSV) Format(f fmt.State, verb rune) {
	type plain CSV
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(seen(s)))
}

// LogValue logs the sink without passwords.
func (s CSV) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", s)) }

// Format prints the sink without passwords.
func (s Parquet) Format(f fmt.State, verb rune) {
	type plain Parquet
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(seen(s)))
}

// LogValue logs the sink without passwords.
func (s Parquet) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", s)) }

// Format prints the sink without the password of its URL.
func (s Postgres) Format(f fmt.State, verb rune) {
	type plain Postgres
	s.URL = address(s.URL)
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(seen(s)))
}

// LogValue logs the sink without the password of its URL.
func (s Postgres) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", s)) }

// Format prints the path, unless it is an address.
func (s File) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), shown(string(s)))
}

// LogValue logs the path, unless it is an address.
func (s File) LogValue() slog.Value { return slog.StringValue(shown(string(s))) }
