/* One query page: its fields, its table, its files. Words and shapes are in query.html, the reckoning in query-find.js. */
(function () {
  'use strict';

  const {matching, sorted, grouped, sums, exact} = window.xueshiFind;
  const {store} = window.xueshiData;
  const find = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const make = (tag, className, text) => Object.assign(document.createElement(tag), {className: className || '', textContent: text || ''});
  const count = number => number.toLocaleString('en', {maximumFractionDigits: 6});
  const date = day => String(day).replace(/^(....)(..)(..)$/, '$1-$2-$3');

  const ROWS = 100; // shown at once
  const PAPER = 2000; // printed at most, some sixty pages
  const XLSX = 20000; // records that a browser makes a workbook of without a pause; CSV takes any number
  const inApp = /MicroMessenger|wxwork/i.test(navigator.userAgent);
  const isSealed = Boolean(window.xueshi && window.xueshi.chunk);

  /** `address` keeps the query of the page and makes links to it; answers {root, unit, ask(text)}. */
  function query(root, address) {
    const word = (name, values) => root.getAttribute('data-word-' + name).replace(/\{(.)\}/g, (_, key) => values[key]);
    const part = name => find('[data-' + name + ']', root);
    const stock = part('stock'), table = find('table', root), fields = all('[data-ask]', root), unit = root.dataset.unit;
    const columns = all('[data-column]', table).map(th => th.dataset.column);
    const states = new Map(all('[data-state-of]', stock).map(span => [span.dataset.stateOf, span.firstElementChild]));
    const reports = new Map(all('a[href]', stock).map(a => [a.dataset.report, a]));
    const initial = values();
    let groups = [], cursor = [0, 0], shown = 0, found = [], timer = 0, cost = 0, last = 0;

    // -- the query: what the fields say; only what differs from their first state is told

    function values() {
      const said = {};
      for (const field of fields) said[field.dataset.ask] = field.value;
      return said;
    }
    function fill(said) {
      for (const field of fields) {
        const name = field.dataset.ask;
        field.value = name in said ? said[name] : initial[name];
        if (field.selectedIndex < 0) field.value = initial[name];
      }
    }
    function told() {
      const said = values(), params = new URLSearchParams();
      for (const name of Object.keys(said)) if (said[name] !== initial[name]) params.set(name, said[name]);
      return params;
    }
    const untold = text => Array.from(new URLSearchParams(text)).reduce((said, [name, value]) => Object.assign(said, {[name]: value}), {});

    // -- from the query to what is seen

    const data = store(stock, () => {
      // While more comes, at most a tenth of the time goes into showing it, so that typing is never held up.
      if (!data.progress().busy) soon(0);
      else if (!timer && performance.now() - last > 10 * cost) soon(0);
    });
    function soon(wait) {
      clearTimeout(timer);
      timer = setTimeout(refresh, wait);
    }
    function apply() {
      data.want(values());
      address.keep(told());
      refresh();
    }
    function refresh() {
      const began = performance.now(), said = values();
      timer = 0;
      found = sorted(matching(data.rows(), said), said.sort);
      groups = grouped(found, said.group);
      tell();
      head(said);
      for (const body of Array.from(table.tBodies)) body.remove();
      [cursor, shown] = [[0, 0], 0];
      more(ROWS);
      last = performance.now();
      cost = last - began;
    }

    function tell() {
      const sum = sums(found), progress = data.progress(), notes = [];
      if (sum.waiting) notes.push(word('waits', {n: count(sum.waiting), h: count(sum.waitingHours)}));
      if (sum.out) notes.push(word('not', {n: count(sum.out)}));
      for (const name of ['sums', 'table']) find('.q-' + name, root).setAttribute('aria-busy', String(progress.busy));
      part('hours').textContent = count(sum.hours);
      part('counts').textContent = word('counts', {r: count(sum.records), p: count(sum.people)});
      part('waits').textContent = notes.join(word('and')) + (notes.length ? word('stop') : '');
      part('progress').hidden = !progress.busy;
      part('progress').textContent = word('loading', {n: count(progress.here), m: count(progress.all)});
      part('failed').hidden = !progress.failed;
      files(progress.busy);
    }
    function files(busy) {
      const small = found.length <= XLSX;
      for (const button of all('[data-export]', root)) {
        button.textContent = word(button.dataset.export, {n: count(found.length)});
        button.disabled = busy || !found.length;
      }
      find('[data-export=xlsx]', root).hidden = !small;
      part('large').hidden = small;
      part('large').textContent = word('large', {n: count(XLSX)});
    }
    function head({sort, group}) {
      const down = sort[0] === '-', column = down ? sort.slice(1) : sort;
      table.className = table.className.replace(/ q-by-\w+/, '') + (group ? ' q-by-' + group : '');
      for (const th of all('[data-column]', table)) {
        const own = th.dataset.column === column;
        if (own) th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        else th.removeAttribute('aria-sort');
        find('span', th).textContent = own ? (down ? ' ↓' : ' ↑') : '';
      }
    }

    // -- the table

    function more(rows) {
      const until = shown + rows;
      while (cursor[0] < groups.length && shown < until) {
        const [g, i] = cursor, group = groups[g];
        if (i === 0) table.append(body(group));
        const tbody = table.tBodies[table.tBodies.length - 1];
        const some = group.rows.slice(i, i + until - shown);
        for (const row of some) tbody.append(line(row));
        shown += some.length;
        cursor = i + some.length < group.rows.length ? [g, i + some.length] : [g + 1, 0];
      }
      part('more').hidden = shown >= found.length;
      part('shown').textContent = !found.length ? (data.progress().busy ? '' : word('none'))
        : word(shown < found.length ? 'shown' : 'all', {n: count(shown), m: count(found.length)});
    }
    /** On paper nobody can ask for more. */
    function print() {
      if (!root.isConnected) return;
      if (shown < PAPER) more(PAPER - shown);
      part('cut').hidden = shown >= found.length;
      part('cut').textContent = word('cut', {n: count(shown), m: count(found.length)});
    }
    function body(group) {
      const made = make('tbody');
      if (!group.label) return made;
      const tr = make('tr', 'q-group'), th = make('th', '', group.label), sum = sums(group.rows);
      const grouping = values().group, left = columns.indexOf('hours') - (columns.includes(grouping) ? 1 : 0);
      Object.assign(th, {scope: 'rowgroup', colSpan: left});
      tr.append(th, make('td', 'x-number', count(sum.hours)), make('td', 'x-hint', word('records', {n: count(sum.records)})));
      made.append(tr);
      return made;
    }
    const CELLS = {
      day: row => make('td', 'x-date', date(row.day)),
      name: row => make('td', 'q-name', row.member.label),
      branch: row => make('td', 'q-branch', row.branch.label),
      kind: row => make('td', 'x-kind', row.kind.label),
      hours: row => make('td', 'x-number x-credited', count(row.hours)),
      state(row) {
        const td = make('td', 'x-stands');
        td.append(states.get(row.state).cloneNode(true));
        return td;
      },
      title(row) {
        const td = make('td', 'x-title'), details = make('details'), summary = make('summary', '', row.title.plain);
        summary.dir = 'auto';
        details.append(summary);
        details.addEventListener('toggle', () => opened(details, row), {once: true});
        td.append(details);
        if (row.why) td.append(make('small', '', row.state === 'counted' ? word('less', {w: row.why, h: count(row.claimed)}) : row.why));
        return td;
      },
    };
    function line(row) {
      const tr = make('tr', 'x-' + row.state);
      tr.dataset.record = row.id;
      tr.append(...columns.map(column => CELLS[column](row)));
      return tr;
    }
    function opened(details, row) {
      if (row.content.plain) details.append(Object.assign(make('p', 'x-content', row.content.plain), {dir: 'auto'}));
      const facts = [row.last ? word('to', {a: date(row.day), b: row.last}) : date(row.day), word('claimed', {h: count(row.claimed)})];
      if (row.place.plain) facts.push(word('place', {p: row.place.plain}));
      if (row.pictures) facts.push(word('pictures', {n: row.pictures}));
      const p = make('p', 'x-hint', word('record', {f: facts.join(word('comma'))}));
      p.append(make('code', '', row.id));
      details.append(p);
      const report = reports.get(unit ? row.member.id : row.branch.id);
      if (!report) return;
      const a = report.cloneNode(), around = make('p');
      a.textContent = word(unit ? 'report' : 'branchreport');
      if (unit && !isSealed) a.setAttribute('href', a.getAttribute('href') + '#r-' + row.id);
      around.append(a);
      details.append(around);
    }

    // -- files

    function cells() {
      const rows = [].concat(...groups.map(group => group.rows)), names = word('columns').split(',');
      const day = text => new Date(text + 'T00:00:00Z');
      const lines = rows.map((row, n) => [
        n + 1, row.branch.label, row.member.label, day(date(row.day)), row.last ? day(row.last) : '', row.kind.label, row.title.plain,
        row.content.plain, row.place.plain, row.claimed, row.state === 'waiting' ? '' : row.hours, states.get(row.state).textContent.trim(),
        row.why, row.pictures, row.id,
      ]);
      const total = names.map(() => '');
      total[0] = word('total');
      total[9] = exact(rows.reduce((sum, row) => sum + row.claimed, 0));
      total[10] = sums(rows).hours;
      return [names, ...lines, total];
    }
    const WIDTHS = [6, 24, 10, 12, 12, 16, 40, 40, 20, 10, 10, 10, 24, 8, 30];
    function save(kind) {
      if (inApp) {
        part('outside').hidden = false;
        part('outside').focus();
        return;
      }
      const {csv, xlsx} = window.xueshiFiles;
      const url = URL.createObjectURL(kind === 'csv' ? csv(cells()) : xlsx(cells(), WIDTHS, word('sheet')));
      const name = [root.dataset.name, word('sheet'), root.dataset.on.replace(/-/g, '')].join('_');
      const tap = Object.assign(make('a'), {href: url, download: name.replace(/[<>:"/\\|?*\s]+/g, '-') + '.' + kind});
      document.body.append(tap);
      tap.click();
      tap.remove();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
      part('said').textContent = word('saved');
    }

    async function share() {
      const params = told(), box = find('.q-share', root);
      if (unit) params.set('branch', unit); // so that whoever reads more branches sees the same
      const link = address.link(params);
      box.hidden = true;
      try {
        await navigator.clipboard.writeText(link);
        part('said').textContent = word('copied');
      } catch (_) { // none there, as in many in-app browsers, or not let
        Object.assign(box, {value: link, hidden: false});
        box.select();
        part('said').textContent = word(document.execCommand('copy') ? 'copied' : 'copyself');
      }
    }

    // -- what is pressed and typed

    function sortBy(column) {
      const sort = find('[data-ask=sort]', root), first = /^(day|hours)$/.test(column) ? '-' : '';
      sort.value = sort.value === first + column ? (first ? '' : '-') + column : first + column;
      apply();
    }
    let composing = false;
    const typed = event => {
      if (composing || event.isComposing) return;
      clearTimeout(typed.timer);
      typed.timer = setTimeout(apply, event.target.localName === 'input' ? 150 : 0);
    };
    const composed = event => { // some browsers send the last input before it, some after
      composing = false;
      typed({target: event.target});
    };
    root.addEventListener('compositionstart', () => { composing = true; });
    root.addEventListener('compositionend', composed);
    root.addEventListener('input', event => { if (event.target.dataset.ask) typed(event); });
    root.addEventListener('change', event => { if (event.target.localName === 'select') typed(event); });
    part('clear').onclick = () => { fill({}); fields[0].focus(); apply(); };
    part('again').onclick = apply;
    for (const button of all('[data-from]', root)) {
      button.onclick = () => { fill(Object.assign(values(), {from: button.dataset.from, to: button.dataset.to})); apply(); };
    }
    part('more').onclick = () => more(ROWS);
    addEventListener('beforeprint', print);
    part('share').onclick = share;
    for (const button of all('[data-export]', root)) button.onclick = () => save(button.dataset.export);
    for (const th of all('[data-column]', table)) find('button', th).onclick = () => sortBy(th.dataset.column);

    root.hidden = false;
    return {root, unit, ask(text) { fill(untold(text)); apply(); }};
  }

  window.xueshiPage = {query};
}());
