package datasus

import (
	"crypto/rand"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// A sentence in both languages.
type words struct{ pt, en string }

// An error of this package's own, in the form of the library's.
func ours(language string, status int, detail words, facts map[string]any) *Error {
	var trace [4]byte
	_, _ = rand.Read(trace[:]) // it never fails
	if language == "" {
		language = os.Getenv("DATASUS_LANGUAGE")
	}
	failure := &Error{Code: fmt.Sprintf("DS-%d", status), Status: status, Message: detail.pt, TraceID: hex.EncodeToString(trace[:]), Diagnostic: facts}
	if language == "en" {
		failure.Message = detail.en
	} else {
		language = "pt"
	}
	// Texts and numbers only: it cannot fail.
	failure.JSON, _ = json.Marshal(map[string]any{
		"status": "error", "error_code": failure.Code, "detail": failure.Message, "diagnostic": facts,
		"language": language, "trace_id": failure.TraceID, "retry": "never", "retryable": false,
	})
	return failure
}

// A value that cannot be meant so.
type odd struct {
	at       string
	expected words
	received string
}

func (o *odd) in(language string) *Error {
	at, received := shown(o.at), shown(o.received)
	detail := words{
		fmt.Sprintf("`%s`: esperado %s; recebido %s", at, o.expected.pt, received),
		fmt.Sprintf("`%s`: expected %s; received %s", at, o.expected.en, received),
	}
	return ours(language, 422, detail, map[string]any{"parameter": at, "expected_format": o.expected.en, "received": received})
}

var (
	aValue = words{"um valor: texto, número, bool ou time.Time à meia-noite", "a value: a string, a number, a bool or a time.Time at midnight"}
	aText  = words{"texto em UTF-8", "text in UTF-8"}
	aKey   = words{"chaves de texto", "keys of text"}
	aDay   = words{"um dia: time.Time à meia-noite, ou um texto 2024-01-31", "a day: a time.Time at midnight, or a string 2024-01-31"}
	finite = words{"um número finito", "a finite number"}
	noLoop = words{"até 64 níveis, sem voltas", "64 levels at most, and no circle"}
)

var (
	ourPackage = reflect.TypeFor[Params]().PkgPath()
	marshals   = reflect.TypeFor[json.Marshaler]()
	writesText = reflect.TypeFor[encoding.TextMarshaler]()
	aTime      = reflect.TypeFor[time.Time]()
)

const deepest = 64

// Refuses what encoding/json would change on its way (bytes, text that is not UTF-8) or leave out, so that the query that runs is
// the one that was written.
func look(at string, of reflect.Value, depth int) *odd {
	if depth > deepest {
		return &odd{at, noLoop, of.Type().String()}
	}
	if !of.IsValid() {
		return nil // a plain nil: null
	}
	kind := of.Type()
	if kind == aTime {
		return &odd{at, aDay, of.Interface().(time.Time).Format(time.RFC3339Nano)}
	}
	own := kind.PkgPath() == ourPackage
	if !own && kind.Kind() != reflect.Pointer && kind.Kind() != reflect.Interface && (kind.Implements(marshals) || kind.Implements(writesText)) {
		return nil // it says itself what it is
	}
	switch kind.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Float32, reflect.Float64:
		if number := of.Float(); math.IsNaN(number) || math.IsInf(number, 0) {
			return &odd{at, finite, fmt.Sprint(number)}
		}
		return nil
	case reflect.String:
		if !utf8.ValidString(of.String()) {
			return &odd{at, aText, fmt.Sprintf("%+q", of.String())}
		}
		return nil
	case reflect.Interface:
		if inside := of.Elem(); inside.IsValid() {
			return lookInside(at, inside, depth)
		}
		return nil
	case reflect.Pointer:
		if of.IsNil() {
			return nil // a field that was left out
		}
		return look(at, of.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if kind.Elem().Kind() == reflect.Uint8 {
			return &odd{at, aValue, fmt.Sprintf("%d bytes (%s)", of.Len(), kind)}
		}
		for i := range of.Len() {
			if wrong := look(fmt.Sprintf("%s[%d]", at, i), of.Index(i), depth+1); wrong != nil {
				return wrong
			}
		}
		return nil
	case reflect.Map:
		if kind.Key().Kind() != reflect.String {
			return &odd{at, aKey, kind.String()}
		}
		for entries := of.MapRange(); entries.Next(); {
			if wrong := look(at, entries.Key(), depth+1); wrong != nil {
				return wrong
			}
			if wrong := look(within(at, entries.Key().String()), entries.Value(), depth+1); wrong != nil {
				return wrong
			}
		}
		return nil
	case reflect.Struct:
		for i := range kind.NumField() {
			field := kind.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" || !field.IsExported() {
				continue
			}
			if name == "" {
				name = field.Name
			}
			if wrong := look(within(at, name), of.Field(i), depth+1); wrong != nil {
				return wrong
			}
		}
		return nil
	default: // functions, channels, complex numbers, addresses
		return &odd{at, aValue, kind.String()}
	}
}

// A nil that has a type would be null, and null is what was not given.
func lookInside(at string, of reflect.Value, depth int) *odd {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan:
		if of.IsNil() {
			return &odd{at, aValue, "nil (" + of.Type().String() + ")"}
		}
	}
	return look(at, of, depth+1)
}

func within(at, name string) string {
	if at == "params" {
		return name
	}
	return at + "." + name
}

// A time as its day, in a value or a list of them; everything else as it is.
func days(at, layout string, of any) (any, *odd) {
	switch of := of.(type) {
	case time.Time:
		if midnight := time.Date(of.Year(), of.Month(), of.Day(), 0, 0, 0, 0, of.Location()); !of.Equal(midnight) {
			return nil, &odd{at, aDay, of.Format(time.RFC3339Nano)}
		}
		return of.Format(layout), nil
	case *time.Time:
		if of == nil {
			return nil, &odd{at, aValue, "nil (*time.Time)"}
		}
		return days(at, layout, *of)
	case []time.Time:
		list := make([]any, len(of))
		for i, one := range of {
			list[i] = one
		}
		return days(at, layout, list)
	case []any:
		list := make([]any, len(of))
		for i, one := range of {
			var wrong *odd
			if list[i], wrong = days(fmt.Sprintf("%s[%d]", at, i), layout, one); wrong != nil {
				return nil, wrong
			}
		}
		return list, nil
	default:
		return of, nil
	}
}

// The query with its times as days, and competências as months.
func (p Params) plain() (Params, *odd) {
	var wrong *odd
	if p.Competencia, wrong = days("competencia", "200601", p.Competencia); wrong != nil {
		return p, wrong
	}
	where := make([]Filter, len(p.Where))
	for i, filter := range p.Where {
		if filter.Value, wrong = days(fmt.Sprintf("where[%d].value", i), time.DateOnly, filter.Value); wrong != nil {
			return p, wrong
		}
		where[i] = filter
	}
	p.Where = where
	bind := make(map[string]any, len(p.Bind))
	for name, value := range p.Bind {
		if bind[name], wrong = days("bind."+name, time.DateOnly, value); wrong != nil {
			return p, wrong
		}
	}
	p.Bind = bind
	return p, nil
}

// What crosses as JSON: text as it is, anything else as encoding/json writes it, once it has been looked at.
func asJSON(language, name string, of any) (string, error) {
	switch text := of.(type) {
	case string:
		return text, nil
	case json.RawMessage:
		return string(text), nil
	case []byte:
		return string(text), nil
	case *Params:
		if text != nil {
			of = *text
		}
	}
	if params, ok := of.(Params); ok {
		plain, wrong := params.plain()
		if wrong != nil {
			return "", wrong.in(language)
		}
		of = plain
	}
	if reflect.ValueOf(of).IsValid() {
		if wrong := lookInside(name, reflect.ValueOf(of), 0); wrong != nil {
			return "", wrong.in(language)
		}
	}
	out, err := json.Marshal(of)
	if err != nil {
		wrong := &odd{name, words{"um valor que encoding/json escreva", "a value that encoding/json writes"}, err.Error()}
		failure := wrong.in(language)
		failure.cause = err
		return "", failure
	}
	return string(out), nil
}
