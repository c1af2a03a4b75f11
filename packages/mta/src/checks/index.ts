export { type ContentCheckOptions, type ContentChecks, createContentChecks } from './content-checks.ts'
export { type CheckedMail, ContentFilter } from './content-filter.ts'
