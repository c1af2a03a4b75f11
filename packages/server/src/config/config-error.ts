import { StartError } from '../start-error.ts'

/** Everything that is wrong with a configuration, one line each: `main.cf:12: unknown parameter …`. */
export class ConfigError extends StartError {
  readonly problems: readonly string[]
  constructor(problems: readonly string[], file: string) {
    super(problems.join('\n'), `mend ${file} (posthorn check shows what is left)`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}
