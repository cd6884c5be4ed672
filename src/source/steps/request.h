#pragma once

#include "connector/steps/plan.h"
#include "io/http_client.h"

namespace firn::source::steps {

/// Makes the request of a step. `next`: what `paginate.next` gave for this page, undefined for the first one.
/// `page_before`: URL that was asked before, "" for the first page.
/// Errors: those of expressions; kBadData E0535 for values that no request can hold; kConfig E0537 for a next page on
/// another host.
Result<io::HttpRequest> MakeRequest(const connector::steps::RequestPlan& plan,
                                    const expression::javascript::Scope& scope,
                                    const expression::javascript::Value& next, const std::string& page_before);

}  // namespace firn::source::steps
