package compat

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (m *protoMatch) enum(name string, written, read protoreflect.EnumDescriptor) {
	for _, value := range valuesOf(written) {
		pointer := name + "/" + string(value.Name())
		if other := read.Values().ByName(value.Name()); other != nil {
			if other.Number() != value.Number() {
				m.add(EnumValueRenumbered, pointer, "", "the writer writes %s as %d and the reader knows it as %d", value.Name(), value.Number(), other.Number())
			}
			continue
		}
		if other := read.Values().ByNumber(value.Number()); other != nil {
			m.add(EnumValueRenamed, pointer, "", "the writer calls the value %d %s and the reader %s: JSON goes by the name", value.Number(), value.Name(), other.Name())
			continue
		}
		if m.evolution && !(enumReserved(read, value.Number()) && read.ReservedNames().Has(value.Name())) {
			m.add(EnumValueRemoved, pointer, "", "the value %s = %d is gone without its number and its name being reserved", value.Name(), value.Number())
		}
	}
	if !m.evolution {
		return
	}
	for _, value := range valuesOf(read) {
		if written.Values().ByName(value.Name()) == nil && (enumReserved(written, value.Number()) || written.ReservedNames().Has(value.Name())) {
			m.add(ReservedReused, name+"/"+string(value.Name()), "", "the value %s = %d uses a number or name that was reserved", value.Name(), value.Number())
		}
	}
	m.reservations(name, enumRanges(written), enumRanges(read), written.ReservedNames(), read.ReservedNames())
}

func enumReserved(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) bool {
	return enum.ReservedRanges().Has(number)
}

// reservations refuses a reservation that was given up: the number or name is
// free for something else again.
func (m *protoMatch) reservations(name string, written, read [][2]int64, writtenNames, readNames protoreflect.Names) {
	for _, lost := range uncovered(written, read) {
		m.add(ReservationRemoved, name, "", "the numbers %d to %d are no longer reserved", lost[0], lost[1]-1)
	}
	for index := range writtenNames.Len() {
		if text := writtenNames.Get(index); !readNames.Has(text) {
			m.add(ReservationRemoved, name, "", "the name %q is no longer reserved", text)
		}
	}
}

// rangesOf lists ranges of field numbers, ends exclusive.
func rangesOf(ranges protoreflect.FieldRanges) [][2]int64 {
	list := make([][2]int64, ranges.Len())
	for index := range list {
		pair := ranges.Get(index)
		list[index] = [2]int64{int64(pair[0]), int64(pair[1])}
	}
	return list
}

// enumRanges lists reserved enum numbers, ends made exclusive.
func enumRanges(enum protoreflect.EnumDescriptor) [][2]int64 {
	list := make([][2]int64, enum.ReservedRanges().Len())
	for index := range list {
		pair := enum.ReservedRanges().Get(index)
		list[index] = [2]int64{int64(pair[0]), int64(pair[1]) + 1}
	}
	return list
}

// uncovered lists the parts of the ranges that others leave out.
func uncovered(ranges, others [][2]int64) [][2]int64 {
	others = slices.Clone(others)
	slices.SortFunc(others, func(a, b [2]int64) int { return int(min(1, max(-1, a[0]-b[0]))) })
	var gaps [][2]int64
	for _, span := range ranges {
		start := span[0]
		for _, other := range others {
			if other[1] <= start || other[0] >= span[1] {
				continue
			}
			if other[0] > start {
				gaps = append(gaps, [2]int64{start, other[0]})
			}
			start = max(start, other[1])
		}
		if start < span[1] {
			gaps = append(gaps, [2]int64{start, span[1]})
		}
	}
	return gaps
}

func (m *protoMatch) servicesRule() {
	for _, name := range sortedKeys(m.writer.services) {
		written, read := m.writer.services[name], m.reader.services[name]
		if read == nil {
			if m.evolution {
				m.add(ServiceRemoved, name, "", "the service %s is gone", name)
			}
			continue
		}
		for index := range written.Methods().Len() {
			m.method(name, written.Methods().Get(index), read)
		}
	}
}

func (m *protoMatch) method(service string, written protoreflect.MethodDescriptor, service2 protoreflect.ServiceDescriptor) {
	pointer := service + "/" + string(written.Name())
	read := service2.Methods().ByName(written.Name())
	if read == nil {
		if m.evolution {
			m.add(MethodRemoved, pointer, "", "the method %s is gone", written.Name())
		}
		return
	}
	if from, to := signature(m.writer, written), signature(m.reader, read); from != to {
		m.add(MethodChanged, pointer, "", "the writer's method is %s and the reader's %s", from, to)
	}
}

func signature(s *protoSchema, method protoreflect.MethodDescriptor) string {
	side := func(streams bool, message protoreflect.MessageDescriptor) string {
		if streams {
			return "(stream " + s.nameOf(message) + ")"
		}
		return "(" + s.nameOf(message) + ")"
	}
	return string(method.Name()) + side(method.IsStreamingClient(), method.Input()) + " returns " + side(method.IsStreamingServer(), method.Output())
}
