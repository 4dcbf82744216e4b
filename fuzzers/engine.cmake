# SPDX-License-Identifier: Apache-2.0
# One fuzz target, built for whatever drives it. DIFFVISOR_ENGINE says what that is:
#   none         the replay main: any compiler, no engine; its seeds become a test
#   libfuzzer    clang's libFuzzer with our mutator and crossover
#   afl          AFL++ (afl-clang-fast++, persistent mode through its own driver)
#   afl-mutator  not the target but its mutator as a shared library: uninstrumented, position independent
#   oss-fuzz     whatever $LIB_FUZZING_ENGINE names; `cmake --install --component fuzz_targets` fills $OUT
#
#   dv_fuzz_target(vmx_entry_fuzzer SOURCES vmx_entry_fuzzer.cc DEPS dv_vmx
#                  SEEDS ${PROJECT_SOURCE_DIR}/corpus/seeds/vmx_entry [DICT vmx_entry.dict] [PLAIN])
#
# SEEDS is a folder of .case texts, or of raw inputs for a PLAIN target (fuzz_target.h says what PLAIN is). Targets made,
# besides the fuzzer: <name>_replay (the replay main, for every engine) and, all together, `fuzz_targets`, which also
# writes <name>_seed_corpus/ beside the fuzzer.

set(dv_fuzz_here ${CMAKE_CURRENT_LIST_DIR})
add_custom_target(fuzz_targets)

if(DIFFVISOR_ENGINE STREQUAL "oss-fuzz")
  set(DIFFVISOR_ENGINE_LINK "$ENV{LIB_FUZZING_ENGINE}" CACHE STRING "flag or archive that is the fuzzing engine")
  if(DIFFVISOR_ENGINE_LINK STREQUAL "")
    message(FATAL_ERROR "DIFFVISOR_ENGINE=oss-fuzz needs LIB_FUZZING_ENGINE in the environment")
  endif()
  # The machine that runs the targets has none of our libraries, and its C++ library is not the distribution's: take
  # every library from its headers and let the linker drop the shared ones.
  target_compile_definitions(dv_options INTERFACE FMT_HEADER_ONLY XXH_INLINE_ALL)
  target_link_options(dv_options INTERFACE -Wl,--as-needed)
  set_target_properties(tomlplusplus::tomlplusplus PROPERTIES INTERFACE_COMPILE_OPTIONS "-DTOML_HEADER_ONLY=1")
endif()

function(dv_fuzz_link_engine name plain)
  if(DIFFVISOR_ENGINE STREQUAL "libfuzzer" OR DIFFVISOR_ENGINE STREQUAL "afl")
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  elseif(DIFFVISOR_ENGINE STREQUAL "oss-fuzz")
    separate_arguments(engine NATIVE_COMMAND "${DIFFVISOR_ENGINE_LINK}")
    target_link_libraries(${name} PRIVATE ${engine})
  else()
    message(FATAL_ERROR "DIFFVISOR_ENGINE is '${DIFFVISOR_ENGINE}'; fuzzers/engine.cmake lists what it can be")
  endif()
  if(NOT plain AND NOT DIFFVISOR_ENGINE STREQUAL "afl")
    target_sources(${name} PRIVATE ${dv_fuzz_here}/libfuzzer_mutator.cc)
    target_link_libraries(${name} PRIVATE dv_mutate)
  endif()
endfunction()

# <name>_seed_corpus/, empty without seeds, and for OSS-Fuzz the .zip of it.
function(dv_fuzz_seeds name seeds)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}_seed_corpus)
  if(NOT seeds)
    file(MAKE_DIRECTORY ${out})
    add_custom_target(${name}_seeds)
    return()
  endif()
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${seeds}/*)
  add_custom_command(OUTPUT ${out}.zip
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${out} ${out}.zip
    COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
    COMMAND ${CMAKE_COMMAND} -E env LLVM_PROFILE_FILE=/dev/null AFL_QUIET=1
            $<TARGET_FILE:${name}_replay> --write-to ${out} ${seeds}
    COMMAND ${CMAKE_COMMAND} -E chdir ${out} ${CMAKE_COMMAND} -E tar cf ${out}.zip --format=zip .
    DEPENDS ${name}_replay ${files} VERBATIM COMMENT "seeds of ${name}")
  add_custom_target(${name}_seeds DEPENDS ${out}.zip)
  add_dependencies(fuzz_targets ${name}_seeds)
  install(FILES ${out}.zip DESTINATION . COMPONENT fuzz_targets)
endfunction()

function(dv_fuzz_target name)
  cmake_parse_arguments(arg "PLAIN" "SEEDS;DICT" "SOURCES;DEPS" ${ARGN})
  if(NOT name MATCHES "^[A-Za-z0-9_-]+_fuzzer$")
    message(FATAL_ERROR "fuzz target ${name}: ClusterFuzz finds targets by the ending _fuzzer")
  endif()
  add_library(${name}_object OBJECT ${arg_SOURCES})
  target_link_libraries(${name}_object PUBLIC dv_options dv_case ${arg_DEPS})

  if(DIFFVISOR_ENGINE STREQUAL "afl-mutator")
    if(NOT arg_PLAIN)
      add_library(${name}_mutator MODULE ${dv_fuzz_here}/afl_mutator.cc)
      target_link_libraries(${name}_mutator PRIVATE ${name}_object dv_mutate)
      set_target_properties(${name}_mutator PROPERTIES PREFIX "")
      add_dependencies(fuzz_targets ${name}_mutator)
    endif()
    return()
  endif()

  set(inputs ${dv_fuzz_here}/case_inputs.cc)
  if(arg_PLAIN)
    set(inputs ${dv_fuzz_here}/plain_inputs.cc)
  endif()
  add_executable(${name}_replay ${dv_fuzz_here}/replay_main.cc ${inputs})
  target_link_libraries(${name}_replay PRIVATE ${name}_object)
  add_dependencies(fuzz_targets ${name}_replay)

  if(DIFFVISOR_ENGINE STREQUAL "none")
    if(DIFFVISOR_TESTS AND arg_SEEDS)
      add_test(NAME fuzzers.${name}.replays_its_seeds COMMAND ${name}_replay ${arg_SEEDS})
    endif()
    return()
  endif()

  add_executable(${name} $<TARGET_OBJECTS:${name}_object>)
  target_link_libraries(${name} PRIVATE dv_options dv_case ${arg_DEPS})
  dv_fuzz_link_engine(${name} "${arg_PLAIN}")
  add_dependencies(fuzz_targets ${name})
  install(TARGETS ${name} DESTINATION . COMPONENT fuzz_targets)
  install(FILES ${dv_fuzz_here}/fuzz_target.options DESTINATION . RENAME ${name}.options COMPONENT fuzz_targets)
  if(arg_DICT)
    install(FILES ${arg_DICT} DESTINATION . RENAME ${name}.dict COMPONENT fuzz_targets)
  endif()
  dv_fuzz_seeds(${name} "${arg_SEEDS}")
endfunction()
