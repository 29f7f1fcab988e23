// What every store of one data directory shares: readers, the writer (none when opened read-only), segments.
#pragma once

#include <functional>
#include <memory>

#include "mail/failure.h"
#include "storage/data_directory.h"
#include "storage/segments/segment_file.h"
#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/writer.h"

namespace mailstead::storage::sqlite {

struct Database {
  explicit Database(DataDirectory data_directory)
      : directory(std::move(data_directory)), readers(directory.database()), segments(directory.content()) {}

  DataDirectory directory;
  mutable ReaderPool readers;
  mutable segments::SegmentDirectory segments;
  std::unique_ptr<Writer> writer;

  // Throws Failure(kStorage, kProcess) when opened read-only.
  [[nodiscard]] Writer& writing() const {
    if (writer != nullptr) return *writer;
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess,
                        directory.path() + " was opened for reading only");
  }
  // Durable when it returns.
  void write(const std::function<void(WriteContext&)>& work) const { writing().run(work); }
};

}  // namespace mailstead::storage::sqlite
