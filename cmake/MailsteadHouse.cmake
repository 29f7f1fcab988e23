# What every target of the project shares: warnings, sanitizers, ccache, the libraries it stands on.

# With precompiled headers ccache is of use only with this sloppiness (and GCC's -fpch-preprocess); paths below the checkout
# count as relative, so that two checkouts share what they compile.
find_program(MAILSTEAD_CCACHE ccache)
if(MAILSTEAD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${MAILSTEAD_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Poco 1.11 REQUIRED COMPONENTS Foundation)
find_package(SQLite3 3.40 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# Its -pthread says nothing that Threads::Threads does not, and would keep the precompiled headers from being shared.
set_target_properties(PkgConfig::RE2 PROPERTIES INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(GSASL REQUIRED IMPORTED_TARGET libgsasl)

add_library(mailstead_house INTERFACE)
target_include_directories(mailstead_house INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(mailstead_house INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
# What the libraries ask of their users: nlohmann without implicit conversions, which hide mistakes.
target_compile_definitions(mailstead_house INTERFACE JSON_USE_IMPLICIT_CONVERSIONS=0)
target_link_libraries(mailstead_house INTERFACE Threads::Threads)
if(MAILSTEAD_FAULTS)
  target_compile_definitions(mailstead_house INTERFACE MAILSTEAD_FAULTS=1)
endif()
if(MAILSTEAD_SANITIZE)
  target_compile_options(mailstead_house INTERFACE -fsanitize=${MAILSTEAD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mailstead_house INTERFACE -fsanitize=${MAILSTEAD_SANITIZE})
endif()

# Every room with coverage and sanitizers; fuzz/CMakeLists.txt adds the driver to the targets.
if(MAILSTEAD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "MAILSTEAD_FUZZ needs clang: use the fuzz preset")
  endif()
  set(MAILSTEAD_FUZZ_FLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_compile_options(mailstead_house INTERFACE ${MAILSTEAD_FUZZ_FLAGS})
  target_link_options(mailstead_house INTERFACE -fsanitize=address,undefined)
endif()

# The standard headers that nearly every source reads, compiled once for all rooms.
file(WRITE ${CMAKE_BINARY_DIR}/house_pch.cpp "")
add_library(mailstead_pch STATIC ${CMAKE_BINARY_DIR}/house_pch.cpp)
target_link_libraries(mailstead_pch PRIVATE mailstead_house fmt::fmt)
target_precompile_headers(mailstead_pch PRIVATE <algorithm> <array> <chrono> <functional> <map> <memory> <mutex>
  <optional> <set> <span> <stop_token> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <fmt/format.h>)

# mailstead_room(NAME DIRECTORY… LINKS LIBRARY…): a static library of every .cpp in the directories (relative, not
# recursive). Links are public: who links a room may use what its headers include.
function(mailstead_room name)
  cmake_parse_arguments(ROOM "OWN_PCH" "" "DIRECTORIES;LINKS" ${ARGN})
  set(sources)
  foreach(directory IN LISTS ROOM_DIRECTORIES)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(sources)
    add_library(mailstead_${name} STATIC ${sources})
    target_link_libraries(mailstead_${name} PUBLIC mailstead_house ${ROOM_LINKS})
    if(NOT ROOM_OWN_PCH)
      target_precompile_headers(mailstead_${name} REUSE_FROM mailstead_pch)
    endif()
  else()
    add_library(mailstead_${name} INTERFACE)
    target_link_libraries(mailstead_${name} INTERFACE mailstead_house ${ROOM_LINKS})
  endif()
endfunction()
