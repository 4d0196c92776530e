package census

// memory keeps the values that were used lately, at most twice remembered. The zero value is empty.
type memory[V any] struct{ recent, older map[string]V }

// get returns the value of key and keeps it for longer.
func (m *memory[V]) get(key string) (V, bool) {
	if v, ok := m.recent[key]; ok {
		return v, true
	}
	v, ok := m.older[key]
	if ok {
		m.put(key, v)
	}
	return v, ok
}

// put adds a value. When too many are there, those that were not used since the last time are dropped.
func (m *memory[V]) put(key string, v V) {
	if m.recent == nil || len(m.recent) >= remembered {
		m.recent, m.older = map[string]V{}, m.recent
	}
	m.recent[key] = v
}
