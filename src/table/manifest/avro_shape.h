#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/type.h"

/// The Iceberg types of manifests and manifest lists, and how Iceberg types are written as Avro schemas (Iceberg spec,
/// "Manifests", "Manifest Lists", Appendix A "Avro").
namespace firn::table {

/// Writes a record schema: each field with "field-id"; optional as ["null", T] with default null; primitives as bare
/// names; nested structs named r<field id>; lists with "element-id"; int-keyed maps as arrays of records
/// k<key>_v<value> with logicalType map. A name Avro does not allow is made one, the real one kept as
/// "iceberg-field-name". Errors: kBug for a map whose key is not int.
Result<std::string> AvroSchemaJson(std::string_view record_name, const std::vector<schema::Field>& fields);

/// Returns the fields of manifest_file, format version 2 or 3.
std::vector<schema::Field> ManifestFileFields(int32_t format_version);
/// Returns the fields of manifest_entry, format version 2 or 3, for a partition tuple. The last one is data_file.
std::vector<schema::Field> ManifestEntryFields(std::vector<schema::Field> partition, int32_t format_version);

/// Returns the bytes of the fixed that holds a decimal of that precision, sign included.
int32_t DecimalFixedBytes(int32_t precision);

}  // namespace firn::table
