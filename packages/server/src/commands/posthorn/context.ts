import type { Shell } from '../shell.ts'
import type { SiteOptions } from '../site.ts'

/** What a subcommand of posthorn works with. */
export interface CommandContext {
  readonly shell: Shell
  /** `--config`, as given before the subcommand. */
  site(): SiteOptions
  /** The exit code when all went well so far. */
  finish(code: number): void
}
