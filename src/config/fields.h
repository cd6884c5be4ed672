#pragma once

#include "config/descriptor.h"

/// The declarations of all fields of project files. Each function returns one immutable object.
namespace firn::config {

const ObjectType& ProjectType();      // a whole project file
const ObjectType& EnvironmentType();  // one entry of environments:
const ObjectType& FlatType();         // the flat JSON form
ObjectTypePtr LakeType();
ObjectTypePtr LimitsType();
ObjectTypePtr PipelineType();
ObjectTypePtr SourceType();
ObjectTypePtr AuthType();
ObjectTypePtr PaginateObjectType();
ObjectTypePtr TableType();
ObjectTypePtr IncrementalType();
ObjectTypePtr ColumnType();
ObjectTypePtr CheckType();
std::vector<EnumValue> SystemColumnSets();
Field BloomFilterField();           // of a column
std::vector<Field> LayoutFields();  // of a table: order, statistics, upkeep

}  // namespace firn::config
