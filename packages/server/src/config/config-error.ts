import { dirname, join } from 'node:path'
import { StartError } from '../start-error.ts'

/** Everything that is wrong with a configuration, one line each: `main.cf:12: unknown parameter …`. */
export class ConfigError extends StartError {
  readonly problems: readonly string[]
  constructor(problems: readonly string[], file: string) {
    const inMaster = problems.filter((problem) => problem.startsWith('master.cf:')).length
    const files = [
      ...(inMaster < problems.length ? [file] : []),
      ...(inMaster > 0 ? [join(dirname(file), 'master.cf')] : []),
    ]
    super(problems.join('\n'), `mend ${files.join(' and ')} (posthorn check shows what is left)`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}
