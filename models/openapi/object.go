package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// object is a JSON object whose keys keep their order.
type object []member

type member struct {
	key   string
	value json.RawMessage
}

// parseObject reads the keys of an object and leaves their values as they are. Nothing is the empty object.
func parseObject(text json.RawMessage) (object, error) {
	if len(text) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("this is no object: %v", err)
	}
	var o object
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // keys are texts
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		o = append(o, member{name, value})
	}
	return o, nil
}

func (o object) get(key string) json.RawMessage {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// text is the value of a key when it is a text.
func (o object) text(key string) string {
	var s string
	if json.Unmarshal(o.get(key), &s) != nil {
		return ""
	}
	return s
}

func (o object) set(key string, value json.RawMessage) object {
	for i, m := range o {
		if m.key == key {
			o = slices.Clone(o)
			o[i].value = value
			return o
		}
	}
	return append(o[:len(o):len(o)], member{key, value})
}

func (o object) json() json.RawMessage {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(quoted(m.key))
		out.WriteByte(':')
		out.Write(m.value)
	}
	out.WriteByte('}')
	return out.Bytes()
}

// list is a list of the object alone.
func (o object) list() json.RawMessage { return listOf([]json.RawMessage{o.json()}) }

func listOf(all []json.RawMessage) json.RawMessage {
	return json.RawMessage("[" + string(bytes.Join(rawBytes(all), []byte(","))) + "]")
}

func rawBytes(all []json.RawMessage) [][]byte {
	out := make([][]byte, len(all))
	for i, raw := range all {
		out[i] = raw
	}
	return out
}

func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a text always encodes
	return text
}
