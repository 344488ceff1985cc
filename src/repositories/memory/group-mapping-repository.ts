import { type GroupMapping, GroupMappingRepository } from "../group-mapping-repository.js";
import type { CallOptions } from "../resource-repository.js";
import { composite } from "./table.js";

/** Mappings of groups in memory. */
export class InMemoryGroupMappingRepository extends GroupMappingRepository {
  readonly #mappings = new Map<string, GroupMapping>();

  override async localGroups(external: string, options?: CallOptions): Promise<readonly string[]> {
    const mappings = await this.list(options);
    return mappings.filter((one) => one.external === external).map(({ local }) => local);
  }

  override async externalGroups(local: string, options?: CallOptions): Promise<readonly string[]> {
    const mappings = await this.list(options);
    return mappings.filter((one) => one.local === local).map(({ external }) => external);
  }

  override async list(options?: CallOptions): Promise<readonly GroupMapping[]> {
    options?.signal?.throwIfAborted();
    return [...this.#mappings]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, mapping]) => mapping);
  }

  override async save({ external, local }: GroupMapping, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#mappings.set(composite(external, local), Object.freeze({ external, local }));
  }

  override async remove({ external, local }: GroupMapping, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#mappings.delete(composite(external, local));
  }
}
