#pragma once

#include <cstdint>
#include <string>

#include "schema/type.h"

/// Keeps the table property schema.name-mapping.default (spec, "Name Mapping Serialization") true while columns change.
/// Files without field ids are read by it. Text that is no mapping, and an empty one, stay as they are. Pure.
namespace firn::table {

inline constexpr char kNameMappingProperty[] = "schema.name-mapping.default";

/// Gives the field of that id another name, beside those it had; a field that had the name at its level loses it.
std::string NameMappingWithName(const std::string& mapping, int32_t field_id, const std::string& name);

/// Adds a new field, with what is nested in it, to the struct of that id (0: the row). Its name belongs to it alone:
/// an older field of that name was dropped, and files without ids that have it hold the older one's values.
std::string NameMappingWithColumn(const std::string& mapping, int32_t parent_id, const schema::Field& field);

}  // namespace firn::table
