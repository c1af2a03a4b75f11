import type { Config } from './config.ts'

/**
 * The domain that `postqueue -s` and ETRN may flush; undefined when it is none of fast_flush_domains (names, files,
 * tables): the queue is no directory of strangers' sites. Throws TableError, LookupFailed.
 */
export async function flushableSite(
  { values, environment, folder }: Config,
  site: string,
): Promise<string | undefined> {
  const domain = site.replace(/^[@#]/, '').toLowerCase()
  // Only here: commands that ask for nothing else are quick.
  const { answered, createDomainList, createTables } = await import('@posthorn/mta/tables')
  const files = { now: Date.now, log: () => {}, folder, unsafeFiles: values.unsafe_files }
  const list = createDomainList(
    values.fast_flush_domains,
    { ...files, tables: createTables({ ...files, environment }) },
    {
      parentMatchesSubdomains: values.parent_domain_matches_subdomains.includes('fast_flush_domains')
        ? 'yes'
        : 'no',
    },
  )
  return (await answered(() => list.has(domain))) ? domain : undefined
}
