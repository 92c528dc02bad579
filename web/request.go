package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/signin"
)

// maxBody bounds a request's body. A credential id of 1023 bytes and keys and signatures of ML-DSA's size fit.
const maxBody = 64 << 10

// badRequest is a request that cannot be read at all: its status and the field that is wrong, "" for the whole.
type badRequest struct {
	status int
	field  string
	cause  error
}

func (b *badRequest) Error() string {
	return fmt.Sprintf("web: bad request (%d): %v", b.status, b.cause)
}
func (b *badRequest) Unwrap() error { return b.cause }

// wantsJSON is the contract's rule: a JSON Content-Type, or an Accept that prefers application/json to all else.
func wantsJSON(r *http.Request) bool {
	if isJSON(r.Header.Get("Content-Type")) {
		return true
	}
	best, bestQ := "", -1.0
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		typ, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil {
				continue
			}
		}
		if q > bestQ {
			best, bestQ = typ, q
		}
	}
	return best == "application/json" && bestQ > 0
}

func isJSON(contentType string) bool {
	typ, _, err := mime.ParseMediaType(contentType)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && typ == "application/json"
}

// fields are a request's fields, whichever way they came.
type fields struct {
	json map[string]json.RawMessage
	form url.Values
}

// readFields reads the body of a POST. No body is no fields.
func readFields(r *http.Request) (fields, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return fields{}, &badRequest{status: http.StatusRequestEntityTooLarge, cause: err}
		}
		return fields{}, &badRequest{status: http.StatusBadRequest, cause: err}
	}
	if len(body) == 0 {
		return fields{}, nil
	}
	if !utf8.Valid(body) {
		return fields{}, &badRequest{status: http.StatusBadRequest, cause: errors.New("not UTF-8")}
	}
	contentType := r.Header.Get("Content-Type")
	if isJSON(contentType) {
		m, err := jsonObject(body)
		if err != nil {
			return fields{}, &badRequest{status: http.StatusBadRequest, cause: err}
		}
		return fields{json: m}, nil
	}
	if typ, _, err := mime.ParseMediaType(contentType); err != nil || typ != "application/x-www-form-urlencoded" {
		return fields{}, &badRequest{status: http.StatusUnsupportedMediaType, cause: fmt.Errorf("content type %q", contentType)}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return fields{}, &badRequest{status: http.StatusBadRequest, cause: err}
	}
	for name, values := range form {
		for _, v := range append(values, name) {
			if !utf8.ValidString(v) {
				return fields{}, &badRequest{status: http.StatusBadRequest, cause: errors.New("not UTF-8")}
			}
		}
	}
	return fields{form: form}, nil
}

// jsonObject reads one JSON object and nothing after it. A member that stands there twice is refused: two
// readers could take it for two things.
func jsonObject(body []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil {
		return nil, err
	} else if t != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	m := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("not an object")
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("member %q stands there twice", name)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		m[name] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return m, nil
}

// wrongType is a field that is not of the type that it should be.
func wrongType(field string) error {
	return &badRequest{status: http.StatusBadRequest, field: field, cause: fmt.Errorf("field %q has a wrong type", field)}
}

// text is a field that is a text. A field that is not there, or null, is "".
func (f fields) text(name string) (string, error) {
	if f.json == nil {
		return f.form.Get(name), nil
	}
	raw, ok := f.json[name]
	if !ok || string(raw) == "null" {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", wrongType(name)
	}
	return s, nil
}

// has reports whether a field was sent, and is not null.
func (f fields) has(name string) bool {
	if f.json == nil {
		return f.form.Has(name)
	}
	raw, ok := f.json[name]
	return ok && string(raw) != "null"
}

// code is a text that programs also send as a JSON number.
func (f fields) code(name string) (string, error) {
	if raw, ok := f.json[name]; ok {
		var n json.Number
		if err := json.Unmarshal(raw, &n); err == nil && n != "" && raw[0] != '"' {
			return strings.Repeat("0", max(0, factor.CodeDigits-len(n))) + n.String(), nil // a number has lost them
		}
	}
	return f.text(name)
}

// flag is a yes or no: a boolean in JSON; in forms "y", "on", "true" and "1" are yes. Nil: not sent.
func (f fields) flag(name string) (*bool, error) {
	if !f.has(name) {
		return nil, nil
	}
	if f.json == nil {
		switch f.form.Get(name) {
		case "":
			return nil, nil
		case "y", "on", "true", "1":
			return new(true), nil
		}
		return new(false), nil
	}
	var b bool
	if err := json.Unmarshal(f.json[name], &b); err != nil {
		return nil, wrongType(name)
	}
	return &b, nil
}

// credential is an authenticator's answer: JSON text, or in JSON an object as well.
func (f fields) credential() ([]byte, error) {
	if raw, ok := f.json["credential"]; ok && len(raw) > 0 && raw[0] == '{' {
		return raw, nil
	}
	s, err := f.text("credential")
	return []byte(s), err
}

// wish reads what is asked for beside signing in: remember and next of the body, next and include_auth_token of the query.
func (c *call) wish() (signin.Wish, error) {
	remember, err := c.fields.flag("remember")
	if err != nil {
		return signin.Wish{}, err
	}
	next, err := c.next()
	if err != nil {
		return signin.Wish{}, err
	}
	return signin.Wish{Remember: remember, Next: next, Bearer: c.json && c.r.URL.Query().Has("include_auth_token")}, nil
}

// texts reads several fields at once.
func (c *call) texts(names ...string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		var err error
		if out[i], err = c.fields.text(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
