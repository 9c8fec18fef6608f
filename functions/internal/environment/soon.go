package environment

// Soon is a value that is made while the process does something else. A function
// asks its platform for work first and reads its settings meanwhile: both take
// about as long, and the platform's clock for a cold start runs.
type Soon[T any] struct {
	made  chan struct{}
	value T
}

// Begin makes the value. If that fails, fail is called, which has to end the
// process: nobody will ever get the value.
func Begin[T any](create func() (T, error), fail func(error)) *Soon[T] {
	s := &Soon[T]{made: make(chan struct{})}
	go func() {
		value, err := create()
		if err != nil {
			fail(err)
			return
		}
		s.value = value
		close(s.made)
	}()
	return s
}

// Get waits until the value is made.
func (s *Soon[T]) Get() T {
	<-s.made
	return s.value
}
