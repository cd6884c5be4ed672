#pragma once

#include <memory>
#include <string>

/// `source: {type: steps}`. Plain data.
namespace firn::config {

struct Workflow;  // config/steps_workflow.h

struct StepsSourceConfig {
  std::shared_ptr<const Workflow> workflow;  // null after errors
  std::string inputs_json = "{}";            // secret: what the workflow is told, as a JSON object
  std::string written_json = "{}";           // the same with null for what came from ${…}: positions hold for it
  std::string customers_file;                // absolute path of a CSV file, a row per customer; empty: one customer
  std::string customers_database;            // absolute path of an SQLite file, or address of a server, asked instead
  std::string customers_password;            // of the server, if the address has none
  std::string customers_query;
  std::string customer_key;     // column that names a customer
  std::string customer_column;  // of the rows, which gets that name; empty: none does

  /// True if the database is a server: postgresql:// or mysql://.
  bool customers_server() const { return customers_database.find("://") != std::string::npos; }
};

}  // namespace firn::config
