#pragma once

#include <duckdb.h>

#include "base/status.h"

/// DuckDB's C functions, found in libduckdb.so when a query first needs them: linked, its 70 MB would cost every
/// command 6 ms at start. Included by query/duckdb_*.cc alone. Header: DuckDB 1.4.4; library: 1.5.6 (the C API only
/// grows).
namespace firn::query {

#define FIRN_DUCKDB_FUNCTIONS(X)                 \
  X(bind_add_result_column)                      \
  X(bind_get_extra_info)                         \
  X(bind_get_parameter)                          \
  X(bind_set_bind_data)                          \
  X(bind_set_cardinality)                        \
  X(bind_set_error)                              \
  X(close)                                       \
  X(column_count)                                \
  X(column_logical_type)                         \
  X(column_name)                                 \
  X(connect)                                     \
  X(create_config)                               \
  X(create_decimal_type)                         \
  X(create_list_type)                            \
  X(create_logical_type)                         \
  X(create_map_type)                             \
  X(create_struct_type)                          \
  X(create_table_function)                       \
  X(data_chunk_from_arrow)                       \
  X(data_chunk_get_size)                         \
  X(data_chunk_get_vector)                       \
  X(data_chunk_set_size)                         \
  X(data_chunk_to_arrow)                         \
  X(decimal_scale)                               \
  X(decimal_width)                               \
  X(destroy_arrow_converted_schema)              \
  X(destroy_arrow_options)                       \
  X(destroy_config)                              \
  X(destroy_data_chunk)                          \
  X(destroy_error_data)                          \
  X(destroy_logical_type)                        \
  X(destroy_prepare)                             \
  X(destroy_result)                              \
  X(destroy_table_function)                      \
  X(destroy_value)                               \
  X(disconnect)                                  \
  X(error_data_has_error)                        \
  X(error_data_message)                          \
  X(execute_prepared_streaming)                  \
  X(fetch_chunk)                                 \
  X(free)                                        \
  X(function_get_bind_data)                      \
  X(function_get_extra_info)                     \
  X(function_get_init_data)                      \
  X(function_get_local_init_data)                \
  X(function_set_error)                          \
  X(get_int64)                                   \
  X(get_type_id)                                 \
  X(get_varchar)                                 \
  X(init_get_bind_data)                          \
  X(init_get_column_count)                       \
  X(init_get_column_index)                       \
  X(init_set_error)                              \
  X(init_set_init_data)                          \
  X(init_set_max_threads)                        \
  X(interrupt)                                   \
  X(list_type_child_type)                        \
  X(array_type_child_type)                       \
  X(array_type_array_size)                       \
  X(map_type_key_type)                           \
  X(map_type_value_type)                         \
  X(nparams)                                     \
  X(open_ext)                                    \
  X(prepare)                                     \
  X(prepare_error)                               \
  X(prepared_statement_column_count)             \
  X(prepared_statement_column_logical_type)      \
  X(prepared_statement_column_name)              \
  X(prepared_statement_type)                     \
  X(query)                                       \
  X(register_table_function)                     \
  X(result_error)                                \
  X(result_get_arrow_options)                    \
  X(schema_from_arrow)                           \
  X(set_config)                                  \
  X(struct_type_child_count)                     \
  X(struct_type_child_name)                      \
  X(struct_type_child_type)                      \
  X(table_function_add_parameter)                \
  X(table_function_set_bind)                     \
  X(table_function_set_extra_info)               \
  X(table_function_set_function)                 \
  X(table_function_set_init)                     \
  X(table_function_set_local_init)               \
  X(table_function_set_name)                     \
  X(table_function_supports_projection_pushdown) \
  X(to_arrow_schema)                             \
  X(value_int64)                                 \
  X(vector_get_data)                             \
  X(vector_reference_vector)

/// One pointer per function, named as in duckdb.h without its "duckdb_".
struct DuckdbLibrary {
#define FIRN_DUCKDB_MEMBER(name) decltype(&::duckdb_##name) name = nullptr;  // NOLINT(bugprone-macro-parentheses)
  FIRN_DUCKDB_FUNCTIONS(FIRN_DUCKDB_MEMBER)
#undef FIRN_DUCKDB_MEMBER
};

/// Loads the library once per process and keeps it. Looked for in: $FIRN_DUCKDB_LIBRARY (a file), ../lib and the folder
/// of the executable, the executable's library path. Thread-safe. Errors: kConfig E0701.
Result<const DuckdbLibrary*> LoadDuckdb();

}  // namespace firn::query
