import { type GroupMapping, InMemoryGroupMappingRepository } from "concordat/repositories";
import { groupMappingRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const mappings: readonly Flaw[] = [
  {
    flaw: "does not tell ids apart by case",
    cases: groupMappingRepositoryContract(
      () =>
        new (class extends InMemoryGroupMappingRepository {
          override async remove({ external, local }: GroupMapping): Promise<void> {
            await super.remove({ external, local });
            await super.remove({ external: external.toUpperCase(), local });
          }
        })(),
    ),
    caughtBy: "a mapping that is removed is gone, and no other",
  },
  {
    flaw: "takes away all mappings of the external group",
    cases: groupMappingRepositoryContract(
      () =>
        new (class extends InMemoryGroupMappingRepository {
          override async remove({ external }: GroupMapping): Promise<void> {
            for (const local of await this.localGroups(external)) {
              await super.remove({ external, local });
            }
          }
        })(),
    ),
    caughtBy: "a mapping that is removed is gone, and no other",
  },
  {
    flaw: "keeps one local group for each external one",
    cases: groupMappingRepositoryContract(
      () =>
        new (class extends InMemoryGroupMappingRepository {
          override async save(mapping: GroupMapping): Promise<void> {
            for (const local of await this.localGroups(mapping.external)) {
              await super.remove({ external: mapping.external, local });
            }
            await super.save(mapping);
          }
        })(),
    ),
    caughtBy: "a mapping is found from both of its ends, and listed in order",
  },
  {
    flaw: "cuts ids that are long",
    cases: groupMappingRepositoryContract(
      () =>
        new (class extends InMemoryGroupMappingRepository {
          override async save({ external, local }: GroupMapping): Promise<void> {
            await super.save({ external: external.slice(0, 255), local: local.slice(0, 255) });
          }
        })(),
    ),
    caughtBy: "ids are kept as they are, also those of 10,000 characters",
  },
];

testFlaws("mappings of groups", mappings);
