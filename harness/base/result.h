// SPDX-License-Identifier: Apache-2.0
// Result<T>: what went wrong in the environment (file, emulator, malformed case). Returned, never printed here.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace diffvisor {

enum class ErrorCode {
  Io,           // a file or directory could not be read or written
  Format,       // bytes or text that are not what they claim to be
  Usage,        // the caller asked for something that does not exist
  Environment,  // an emulator or a tool is missing, or does not behave as it should
};

// One line for the user is `place: detail`; place is a file with a line, an executor, or a flag.
struct Error {
  ErrorCode code = ErrorCode::Io;
  std::string place;
  std::string detail;

  std::string text() const { return place.empty() ? detail : place + ": " + detail; }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string place, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(place), std::move(detail)});
}

}  // namespace diffvisor
