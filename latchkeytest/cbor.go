package latchkeytest

import (
	"encoding/binary"
	"fmt"
)

// Map is a CBOR map. Its entries keep their order.
type Map []Entry

// Entry is one key of a [Map] and its value.
type Entry struct{ Key, Value any }

// Raw is CBOR that is written as it is.
type Raw []byte

// Get is the value of a key, or nil.
func (m Map) Get(key any) any {
	for _, e := range m {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// With is a copy of the map with that value, in the place of the old one or at the end.
func (m Map) With(key, value any) Map {
	out := append(Map(nil), m...)
	for i := range out {
		if out[i].Key == key {
			out[i].Value = value
			return out
		}
	}
	return append(out, Entry{key, value})
}

// Without is a copy of the map that lacks the key.
func (m Map) Without(key any) Map {
	var out Map
	for _, e := range m {
		if e.Key != key {
			out = append(out, e)
		}
	}
	return out
}

// CBOR encodes integers, text, byte strings, lists, booleans, nil, [Map] and [Raw] with the shortest heads (RFC 8949). It panics
// on anything else.
func CBOR(v any) []byte { return appendCBOR(nil, v) }

func appendCBOR(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 0xf6)
	case bool:
		if v {
			return append(b, 0xf5)
		}
		return append(b, 0xf4)
	case int:
		return appendCBOR(b, int64(v))
	case Algorithm:
		return appendCBOR(b, int64(v))
	case int64:
		if v < 0 {
			return appendHead(b, 1, uint64(-1-v))
		}
		return appendHead(b, 0, uint64(v))
	case []byte:
		return append(appendHead(b, 2, uint64(len(v))), v...)
	case string:
		return append(appendHead(b, 3, uint64(len(v))), v...)
	case []any:
		b = appendHead(b, 4, uint64(len(v)))
		for _, e := range v {
			b = appendCBOR(b, e)
		}
		return b
	case Map:
		b = appendHead(b, 5, uint64(len(v)))
		for _, e := range v {
			b = appendCBOR(appendCBOR(b, e.Key), e.Value)
		}
		return b
	case Raw:
		return append(b, v...)
	}
	panic(fmt.Sprintf("latchkeytest: no CBOR for %T", v))
}

// appendHead writes a major type and its argument.
func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}
