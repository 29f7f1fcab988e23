// What a message must hold for a condition to be true: one of some texts, in a value that stands at one place.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "router/evaluation.h"

namespace mailstead::router {

struct Place {
  enum class Kind { kHeader, kAddress, kLocal, kDomain };
  Kind kind = Kind::kHeader;
  std::string field;  // of kHeader, in lower case
  AddressSource source = AddressSource::kFrom;
  auto operator<=>(const Place&) const = default;
};

struct Needle {
  Place place;
  std::vector<std::string> texts;  // case folded, none empty
};

}  // namespace mailstead::router
