package compat

// Kind is a stable name for a kind of incompatible change.
type Kind string

// Kinds shared by the formats.
const (
	// Undecided: the rules can't prove the reader accepts everything the writer
	// may write, and no document was found that it refuses.
	Undecided    Kind = "undecided"
	TypeChanged  Kind = "type_changed"
	TypeNarrowed Kind = "type_narrowed"
	EnumNarrowed Kind = "enum_narrowed"
)

// Kinds of JSON Schema.
const (
	EnumAdded                  Kind = "enum_added"
	ConstChanged               Kind = "const_changed"
	RequiredAdded              Kind = "required_added"
	PropertyForbidden          Kind = "property_forbidden"
	AdditionalPropertiesClosed Kind = "additional_properties_closed"
	PropertyNamesNarrowed      Kind = "property_names_narrowed"
	MinPropertiesRaised        Kind = "min_properties_raised"
	MaxPropertiesLowered       Kind = "max_properties_lowered"
	DependencyAdded            Kind = "dependency_added"
	MinimumRaised              Kind = "minimum_raised"
	MaximumLowered             Kind = "maximum_lowered"
	MultipleOfChanged          Kind = "multiple_of_changed"
	MinLengthRaised            Kind = "min_length_raised"
	MaxLengthLowered           Kind = "max_length_lowered"
	PatternChanged             Kind = "pattern_changed"
	FormatChanged              Kind = "format_changed"
	ContentChanged             Kind = "content_changed"
	MinItemsRaised             Kind = "min_items_raised"
	MaxItemsLowered            Kind = "max_items_lowered"
	ItemForbidden              Kind = "item_forbidden"
	AdditionalItemsClosed      Kind = "additional_items_closed"
	UniqueItemsAdded           Kind = "unique_items_added"
	ContainsNarrowed           Kind = "contains_narrowed"
	UnevaluatedClosed          Kind = "unevaluated_closed"
	AlternativeRemoved         Kind = "alternative_removed"
	AlternativesOverlap        Kind = "alternatives_overlap"
	NotWidened                 Kind = "not_widened"
	ConditionChanged           Kind = "condition_changed"
	SchemaFalse                Kind = "schema_false"
)

// Kinds of Avro.
const (
	NameChanged              Kind = "name_changed"
	FieldAddedWithoutDefault Kind = "field_added_without_default"
	UnionNarrowed            Kind = "union_narrowed"
	FixedSizeChanged         Kind = "fixed_size_changed"
	LogicalTypeChanged       Kind = "logical_type_changed"
)

// Kinds of Protobuf.
const (
	PackageChanged       Kind = "package_changed"
	SyntaxChanged        Kind = "syntax_changed"
	ImportRemoved        Kind = "import_removed"
	MessageRemoved       Kind = "message_removed"
	EnumRemoved          Kind = "enum_removed"
	EnumValueRemoved     Kind = "enum_value_removed"
	EnumValueRenamed     Kind = "enum_value_renamed"
	EnumValueRenumbered  Kind = "enum_value_renumbered"
	ReservedReused       Kind = "reserved_reused"
	ReservationRemoved   Kind = "reservation_removed"
	FieldRemoved         Kind = "field_removed"
	FieldRenamed         Kind = "field_renamed"
	FieldRenumbered      Kind = "field_renumbered"
	FieldTypeChanged     Kind = "field_type_changed"
	FieldLabelChanged    Kind = "field_label_changed"
	JSONNameChanged      Kind = "json_name_changed"
	OneofChanged         Kind = "oneof_changed"
	RequiredFieldAdded   Kind = "required_field_added"
	RequiredFieldRemoved Kind = "required_field_removed"
	DefaultChanged       Kind = "default_changed"
	ExtensionRangeShrunk Kind = "extension_range_shrunk"
	ServiceRemoved       Kind = "service_removed"
	MethodRemoved        Kind = "method_removed"
	MethodChanged        Kind = "method_changed"
)
