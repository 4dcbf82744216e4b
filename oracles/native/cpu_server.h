// SPDX-License-Identifier: Apache-2.0
// The child: the case's RAM at the linear addresses its page tables name, and one case after another in it. After
// start() the only system calls left to it are those of waiting and ending.
#pragma once

#include <cstdint>
#include <vector>

#include "oracles/case_child/case_child.h"
#include "oracles/native/native_wire.h"

namespace diffvisor::native {

class CpuServer : public case_child::Server {
 public:
  const char* start() override;
  void serve(const case_child::Work& work) override;

 private:
  const char* map_memory();
  void run(const NativeCase& c, std::uint64_t pages, NativeResult& result);
  void load(const NativeCase& c);
  void write(std::uint64_t gpa, const void* bytes, std::size_t count);
  bool is_clean(std::uint64_t gpa, std::size_t count) const;
  bool is_clean_for(const NativeCase& c, std::uint64_t pages) const;
  void find_changes(std::uint64_t pages);
  void unload(const NativeCase& c);
  void restore(std::uint64_t gpa, std::size_t count);
  bool is_background() const;
  void reset_memory();

  std::uint8_t* ram_ = nullptr;       // what the mapped regions show
  std::vector<std::uint8_t> before_;  // the same without what the instruction changed
  std::vector<insn::MemoryChange> changes_;
  bool found_dirt_ = false;  // an earlier case changed memory where nobody looked
};

}  // namespace diffvisor::native
