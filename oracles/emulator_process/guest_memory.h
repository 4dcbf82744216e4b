// SPDX-License-Identifier: Apache-2.0
// The guest-physical memory of a running emulator, as the host reaches it: two transports behind one interface.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "harness/base/result.h"

namespace diffvisor::emulator {

using Gpa = std::uint64_t;

// Not synchronised with the guest: a qword is written whole, anything larger in ascending order. An error means that
// the emulator is gone.
class GuestMemory {
 public:
  virtual ~GuestMemory() = default;
  virtual Result<void> read(Gpa from, std::span<std::byte> to) const = 0;
  virtual Result<void> write(Gpa to, std::span<const std::byte> from) = 0;
};

// RAM somewhere in another process's address space, through process_vm_readv and process_vm_writev. Looks for the
// agent's block marks and verifies that `ram_bytes` of RAM lie in one piece.
Result<std::unique_ptr<GuestMemory>> find_process_ram(pid_t pid, std::size_t ram_bytes);

// RAM that is a file the emulator maps shared (QEMU: memory-backend-file,share=on). The file exists with that size.
Result<std::unique_ptr<GuestMemory>> map_shared_ram(const std::filesystem::path& file, std::size_t ram_bytes);

template <class T>
Result<T> read_value(const GuestMemory& memory, Gpa from) {
  T value;
  if (auto done = memory.read(from, std::as_writable_bytes(std::span(&value, 1))); !done)
    return tl::unexpected<Error>(done.error());
  return value;
}

template <class T>
Result<void> write_value(GuestMemory& memory, Gpa to, const T& value) {
  return memory.write(to, std::as_bytes(std::span(&value, 1)));
}

}  // namespace diffvisor::emulator
