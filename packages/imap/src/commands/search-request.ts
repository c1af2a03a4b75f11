/** What a searching command asks for, read again where filters or other mailboxes give it another meaning. */
import type { SessionIn } from '../session/session.ts'
import type { Parser } from '../wire/parser.ts'
import { type SearchProgram, type SearchScope, searchCharsets } from '../wire/search-program.ts'
import { undefinedFilter } from '../wire/undefined-filter.ts'
import type { Completion } from './command.ts'

type ReadProgram = (p: Parser, scope: SearchScope) => SearchProgram

export interface SearchRequest {
  /** In the scope that was given first. */
  readonly program: SearchProgram
  in(scope: SearchScope): SearchProgram
}

export function searchRequest(p: Parser, scope: SearchScope, read: ReadProgram): SearchRequest {
  const start = p.fork()
  return { program: read(p, scope), in: (other) => read(start.fork(), other) }
}

/** RFC 9051 §6.4.4: NO; with a FILTER it is BAD (RFC 5466 §3.1). */
export function badCharset({ program }: SearchRequest): Completion {
  const status = program.lacksFilters ? 'BAD' : 'NO'
  return { status, code: `BADCHARSET (${searchCharsets.join(' ')})`, text: 'Unknown charset' }
}

/** Where filters are kept. RFC 5466 §3.2. */
export const filterPlace = '/filters/values/'

/**
 * Stored filters by name, the user's own before those of all. RFC 5466 §3.1.
 * @throws UndefinedFilter for what is not there
 */
export async function storedFilters({
  store,
  account,
}: SessionIn<'authenticated' | 'selected'>): Promise<(name: string) => string> {
  const texts = new Map<string, string>()
  for (const scope of ['shared', account.id] as const) {
    for (const { name, value } of await store.annotations.list('server', scope)) {
      if (name.startsWith(filterPlace))
        texts.set(name.slice(filterPlace.length), Buffer.from(value).toString())
    }
  }
  return (name) => {
    const text = texts.get(name)
    if (text === undefined) throw undefinedFilter(name)
    return text
  }
}

/** With its filters in their places. */
export async function completeProgram(
  session: SessionIn<'authenticated' | 'selected'>,
  { program, in: read }: SearchRequest,
  scope: SearchScope,
): Promise<SearchProgram> {
  if (!program.lacksFilters || program.criteria === undefined) return program
  return read({ ...scope, filter: await storedFilters(session) })
}
