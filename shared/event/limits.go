package event

// Bounds on what is taken in. They are far above what any platform delivers,
// and keep a hostile message from costing more than its size.
const (
	// MaxInput is the size of the largest input in bytes: what Function Compute
	// accepts for a synchronous invocation, which is more than Lambda does.
	MaxInput = 32 << 20
	// MaxMessages is the length of the longest batch, on both platforms.
	MaxMessages = 10_000
	// MaxInstances is how many instances one message may name: the most that
	// one scaling activity of Auto Scaling moves.
	MaxInstances = 1_000
	// MaxNotices is how many instances all messages of an invocation may name.
	MaxNotices = 50_000

	maxNesting  = 64   // brackets within one text
	maxWrapping = 16   // texts within texts, envelopes within envelopes
	maxFields   = 1000 // members of one object
	maxName     = 256  // characters of an id or a name
	maxMetadata = 4096 // characters of NotificationMetadata, as documented by CreateLifecycleHook
)
