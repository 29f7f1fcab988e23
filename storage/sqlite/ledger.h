// storage/ledger.h on SQLite.
#pragma once

#include "storage/ledger.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class SqliteLedger final : public Ledger {
 public:
  explicit SqliteLedger(const Database& database) : database_(database) {}

  [[nodiscard]] std::optional<FolderProgress> folder(const std::string& account,
                                                     const std::string& folder) const override;
  void advance(const std::string& account, const std::string& folder, std::uint32_t uid_validity, Uid through,
               ModSeq highest_modseq) override;
  void restart_folder(const std::string& account, const std::string& folder, std::uint32_t uid_validity) override;
  [[nodiscard]] std::vector<bool> adopt(const std::string& account, const std::string& folder,
                                        std::uint32_t uid_validity, const std::vector<Shown>& shown,
                                        const std::unordered_set<std::string>& gone) override;
  void end_matching(const std::string& account, const std::string& folder) override;
  void mark_done(const std::string& account, const std::string& folder, std::uint32_t uid_validity,
                 const std::vector<UidRange>& uids) override;
  void rewind(const std::string& account, const std::string& folder, Uid through) override;
  [[nodiscard]] std::vector<bool> known_identities(const std::string& account,
                                                   const std::vector<std::string>& identities) const override;
  void note_copies(const std::vector<Copy>& copies, mail::WallTime now) override;
  void skip(const SourceRef& source, mail::WallTime now, const std::string& reason) override;
  void forget_skipped(const std::string& account) override;
  unsigned note_trouble(const SourceRef& source, mail::WallTime now, const std::string& reason) override;
  [[nodiscard]] std::vector<Trouble> troubles(const std::string& account) const override;
  void forget_troubles(const std::vector<SourceRef>& sources) override;
  void visit_uidls(const std::string& account, const std::function<void(std::string_view)>& visit) const override;
  void mark_uidls(const std::string& account, const std::vector<std::string>& uidls) override;
  void visit_retrieved(const std::string& account,
                       const std::function<void(const RetrievedMessage&)>& visit) const override;
  void rename_uidls(const std::string& account, const std::vector<std::pair<std::string, std::string>>& names) override;
  void forget_uidls(const std::string& account, const std::vector<std::string>& gone) override;
  [[nodiscard]] std::vector<Cleanup> cleanup_due(const std::string& account, const std::string& folder,
                                                 mail::WallTime now) const override;
  void cleaned_uids(const std::string& account, const std::string& folder, const std::vector<Uid>& uids) override;
  void cleaned_uidls(const std::string& account, const std::vector<std::string>& uidls, bool deleted) override;

 private:
  const Database& database_;
};

}  // namespace mailstead::storage::sqlite
