/* Records in the browser: made from a chunk, found, sorted, grouped, summed. Touches no page. What is found agrees with
   scripts/xueshi/reports/query.py; what a chunk holds is told in reports/query_page.py. */
(function () {
  'use strict';

  const fold = text => text.normalize('NFKC').toLowerCase();
  const spoken = name => fold(name).replace(/[\s·•・]/g, '').replace(/ü/g, 'v');

  /** Makes records of chunks. One member, kind and text is one object in all of them: many records share it, and
      whatever is found out about it is found out once. */
  function maker() {
    const members = new Map(), kinds = new Map(), texts = new Map();
    const once = (known, id, make) => {
      if (!known.has(id)) known.set(id, make());
      return known.get(id);
    };
    const member = ([id, name, order, spellings]) => once(members, id, () =>
      ({id, label: name, order, spoken: spoken(name), spellings: ' ' + spellings, said: null, isMeant: false, turn: 0}));
    const kind = ([id, label]) => once(kinds, id, () => ({id, label}));
    const text = plain => once(texts, plain, () => ({plain, folded: fold(plain), said: null, isMeant: false}));

    /** `day` is a number such as 20261124. */
    return (chunk, branch, year) => {
      const who = chunk.members.map(member), of = chunk.kinds.map(kind);
      return chunk.rows.map(([id, m, k, day, last, claimed, hours, state, title, content, place, pictures, why]) => ({
        id, member: who[m], kind: of[k], branch, day: year * 10000 + day, last, claimed, hours, state, title: text(title),
        content: text(content), place: text(place), pictures, why,
      }));
    };
  }

  const newestFirst = (a, b) => b.day - a.day || (a.id < b.id ? 1 : -1);

  /** What is asked, ready to compare. A date or a number that is none asks nothing. */
  function ready(asked) {
    const day = text => (/^\d{4}-\d\d-\d\d$/.test(text || '') ? Number(text.replace(/-/g, '')) : 0);
    const number = text => (/^\s*\d+(\.\d+)?\s*$/.test(fold(text || '')) ? Number(fold(text)) : NaN);
    return {
      name: spoken(asked.name || ''), branch: asked.branch || '', kind: asked.kind || '', state: asked.state || '',
      from: day(asked.from), to: day(asked.to) || Infinity, min: number(asked.min), max: number(asked.max),
      words: fold(asked.text || '').split(/\s+/).filter(Boolean),
    };
  }

  const isCalled = (said, {id, spoken: name, spellings}) =>
    name.includes(said) || id === said || spellings.includes(' ' + said);

  /** What is asked of a member or a text, once for all records that share it. */
  function isMeant(shared, said, test) {
    if (shared.said !== said) Object.assign(shared, {said, isMeant: test(said, shared)});
    return shared.isMeant;
  }
  const holds = (word, {folded}) => folded.includes(word);

  /** The conditions that ask something, the cheapest first. */
  function conditions({name, branch, kind, state, from, to, min, max, words}) {
    return [
      (from || to < Infinity) && (row => row.day >= from && row.day <= to),
      branch && (row => row.branch.id === branch),
      kind && (row => row.kind.id === kind),
      state && (row => row.state === state),
      min >= 0 && (row => row.hours >= min),
      max >= 0 && (row => row.hours <= max),
      name && (row => isMeant(row.member, name, isCalled)),
      ...words.map(word => row => [row.title, row.content, row.place].some(text => isMeant(text, word, holds))),
    ].filter(Boolean);
  }

  const matching = (rows, asked) => conditions(ready(asked)).reduce((left, condition) => left.filter(condition), rows.slice());

  // ---- order

  const STATES = {counted: 0, waiting: 1, unapproved: 2, void: 3};
  const KEYS = {
    day: row => row.day, hours: row => row.hours, state: row => STATES[row.state], branch: row => row.branch.order,
    name: row => row.member.order, kind: row => row.kind.label, title: row => row.title.plain,
  };
  const collator = new Intl.Collator('zh', {numeric: true});
  const byText = (a, b) => collator.compare(a, b);
  // Names are spelled in Latin letters, so that their order is that of the other pages.
  const ORDERS = {name: undefined, kind: byText, title: byText};

  function shelves(rows, key) {
    const found = new Map();
    for (const row of rows) {
      const id = key(row), shelf = found.get(id);
      if (shelf) shelf.push(row);
      else found.set(id, [row]);
    }
    return found;
  }

  /** `rows` come newest first, and stay so where the column tells no difference. */
  function sorted(rows, sort) {
    const down = sort[0] === '-', column = down ? sort.slice(1) : sort;
    if (sort === '-day' || !KEYS[column]) return rows;
    const found = shelves(rows, KEYS[column]); // records are many, what they differ in is little
    const keys = Array.from(found.keys()).sort(column in ORDERS ? ORDERS[column] : (a, b) => a - b);
    if (down) keys.reverse();
    return [].concat(...keys.map(key => found.get(key)));
  }

  const month = row => Math.floor(row.day / 100);
  const GROUPS = {
    name: {id: row => row.member, label: row => row.member.label, order: (a, b) => (a.member.order < b.member.order ? -1 : 1)},
    branch: {id: row => row.branch, label: row => row.branch.label, order: (a, b) => a.branch.order - b.branch.order},
    kind: {id: row => row.kind, label: row => row.kind.label, order: (a, b) => collator.compare(a.kind.label, b.kind.label)},
    month: {id: month, label: row => String(month(row)).replace(/(..)$/, '-$1'), order: (a, b) => month(b) - month(a)},
  };

  /** [{label, rows}]; each keeps the order of `rows`. Without a grouping there is one group with no label. */
  function grouped(rows, name) {
    const by = GROUPS[name];
    if (!by) return [{label: '', rows}];
    const groups = Array.from(shelves(rows, by.id).values()).sort(([a], [b]) => by.order(a, b));
    return groups.map(own => ({label: by.label(own[0]), rows: own}));
  }

  // Amounts are decimal fractions: this much is exact of sums that binary ones round.
  const exact = hours => Math.round(hours * 1e6) / 1e6;

  let turn = 0;
  /** What waits is told apart, and so are those that count for nothing. */
  function sums(rows) {
    const found = {hours: 0, records: rows.length, people: 0, waiting: 0, waitingHours: 0, out: 0};
    turn += 1;
    for (const row of rows) {
      if (row.member.turn !== turn) {
        row.member.turn = turn;
        found.people += 1;
      }
      if (row.state === 'counted') found.hours += row.hours;
      else if (row.state === 'waiting') {
        found.waiting += 1;
        found.waitingHours += row.hours;
      } else found.out += 1;
    }
    return Object.assign(found, {hours: exact(found.hours), waitingHours: exact(found.waitingHours)});
  }

  window.xueshiFind = {maker, newestFirst, matching, sorted, grouped, sums, exact};
}());
