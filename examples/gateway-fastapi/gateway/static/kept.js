/** What the browser keeps: the language, and in this tab the job that it follows. A browser that keeps nothing is no failure. */

const quietly = (act) => {
  try {
    return act() ?? null
  } catch {
    return null
  }
}
const of = (store, name) => ({
  get: () => quietly(() => store().getItem(name)),
  set: (value) => quietly(() => (value === null ? store().removeItem(name) : store().setItem(name, value))),
})

export const keptLanguage = of(() => localStorage, 'language')
export const keptJob = of(() => sessionStorage, 'job')
