// SPDX-License-Identifier: Apache-2.0
// From a vector's fields and memory to a case. What is common to domains whose guest lives in the agent's window:
// fields, scratch pages, page-directory pointers, memory that facts name. Symbols of its own a domain adds.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "fuzzers/vector_value.h"
#include "fuzzers/vectors.h"
#include "harness/arch/agent/memory_map.h"
#include "harness/case/case.h"

namespace diffvisor {

// A fact with the bytes it names.
struct FactPlace {
  Slot slot;
  std::uint64_t address;
  unsigned bytes;
  bool last = false;  // no rule reads what follows
};

class VectorBuilder {
 public:
  struct World {
    const Schema& (*schema)();
    std::string_view area;  // "the VMCS"
    agent::Gpa first_page;  // scratch pages from here on are free
    Slot cr3, pdptes;       // the four facts at CR3
    void (*settle)(std::uint64_t* v);
    bool (*placed)(const std::uint64_t* v, Slot fact);
  };

  // `c` is the golden case of its capabilities and context.
  VectorBuilder(const World& world, Case c) : c_(std::move(c)), golden_(c_.v), world_(world) {}
  virtual ~VectorBuilder() = default;

  tl::expected<Case, std::string> build(const Vector& v);

 protected:
  // Where facts lie by now, PDPTEs excepted.
  virtual std::vector<FactPlace> other_places() const { return {}; }
  // Content of pages that symbols asked for.
  virtual void fill_pages() {}
  // A symbol of the domain's own, or nothing.
  virtual std::optional<ValueOrReason> symbol(std::string_view name, std::optional<std::string_view> argument) = 0;
  // A field that vectors call otherwise.
  virtual std::string_view field_name(std::string_view name) const { return name; }

  Case c_;
  std::array<std::uint64_t, kMaxSlots> golden_;
  Slot field_ = 0;  // whose value is being read

 private:
  // The golden page directory, present.
  static constexpr std::uint64_t kGoodPdpte = (agent::kGuestCr3 + 2 * agent::kPage) | 1;
  struct Written {
    Slot slot;
    std::uint64_t value;
  };

  const Field* state_field(std::string_view name) const;
  tl::expected<void, std::string> set_field(const VectorItem& item);
  tl::expected<void, std::string> set_memory(const VectorItem& item);
  tl::expected<Case, std::string> finish();
  std::vector<FactPlace> places() const;
  void clear_scratch();
  std::uint64_t value_at(std::uint64_t address) const;
  bool write(std::uint64_t address, std::uint64_t value);
  ValueOrReason value_of(std::string_view text, std::uint64_t left);
  ValueOrReason place_named(std::string_view name, std::optional<std::string_view> argument);
  ValueOrReason named(std::string_view name, std::optional<std::string_view> argument);
  ValueOrReason page(std::string_view name);
  ValueOrReason pdpt_page();

  const World& world_;
  std::vector<std::string> pages_;
  agent::Gpa pdpt_ = 0;
  std::vector<Written> written_;
};

}  // namespace diffvisor
