import type { Config } from '../config/config.ts'

/** The configuration in force; options are computed from it once, not at each use. */
export class CurrentConfig {
  config: Config
  constructor(config: Config) {
    this.config = config
  }
  options<T>(make: (config: Config) => T): () => T {
    return memo(() => this.config, make)
  }
}

/** Recomputed when the configuration is another object, not at each use. */
function memo<T>(current: () => Config, make: (config: Config) => T): () => T {
  let last: Config | undefined
  let made: T | undefined
  return () => {
    const config = current()
    if (made === undefined || config !== last) {
      last = config
      made = make(config)
    }
    return made
  }
}
