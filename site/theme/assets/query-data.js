/* The chunks that a query page names: fetched as a query needs them. On the sealed page the loader opens them. */
(function () {
  'use strict';

  const {maker, newestFirst} = window.xueshiFind;
  const LANES = 6; // chunks that are fetched at a time

  async function fetched(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(address);
    return answer.json();
  }
  const contents = window.xueshi ? token => window.xueshi.chunk(token) : fetched;

  /** The chunks of a page: `rows` has what is here, newest first; `want(asked)` fetches what a query needs, the newest
      year first and a few at a time, and calls `came` after each. */
  function store(stock, came) {
    const branches = new Map(Array.from(stock.querySelectorAll('[data-label]'), (a, order) =>
      [a.dataset.report, {id: a.dataset.report, label: a.dataset.label, order}]));
    const chunks = Array.from(stock.querySelectorAll('[data-chunk]'), ({dataset: {chunk, branch, year, rows}}) =>
      ({token: chunk, branch, year: Number(year), rows: Number(rows), state: ''}));
    const records = maker(), rows = [];
    let isSorted = true, lanes = 0, wanted = [];

    async function take(chunk) {
      chunk.state = 'coming';
      try {
        for (const row of records(await contents(chunk.token), branches.get(chunk.branch), chunk.year)) rows.push(row);
        [chunk.state, isSorted] = ['here', false];
      } catch (_) {
        chunk.state = 'failed';
      }
      came();
    }
    const next = () => wanted.find(chunk => chunk.state === '');
    async function lane() {
      lanes += 1;
      for (let chunk; (chunk = next());) await take(chunk);
      lanes -= 1;
    }

    return {
      want({branch, from, to}) {
        const first = parseInt(from, 10) || 0, last = parseInt(to, 10) || Infinity;
        wanted = chunks.filter(chunk => (!branch || branch === chunk.branch) && first <= chunk.year && chunk.year <= last);
        for (const chunk of wanted) if (chunk.state === 'failed') chunk.state = '';
        while (lanes < LANES && next()) lane();
      },
      rows() {
        if (!isSorted) rows.sort(newestFirst);
        isSorted = true;
        return rows;
      },
      progress() {
        const found = {here: 0, all: 0, failed: false, busy: false};
        for (const {rows: size, state} of wanted) {
          found.all += size;
          if (state === 'here') found.here += size;
          else if (state === 'failed') found.failed = true;
          else found.busy = true;
        }
        return found;
      },
    };
  }

  window.xueshiData = {store};
}());
