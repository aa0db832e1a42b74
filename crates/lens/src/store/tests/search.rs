//! What filters and words find.

use super::*;

#[test]
fn filters_find_what_they_say() {
    let (_folder, store) = made();
    let (connection, client) = (ConnectionId(1), ([127, 0, 0, 1], 4711).into());
    store.record(at(0, What::Connected { connection, client, entrance: Entrance::Connect }));
    whole(&store, 1, "/cart", 200, b"<p>the quick brown fox</p>");
    whole(&store, 2, "/login?next=%2F", 404, b"nothing");
    whole(&store, 3, "/100%_sure", 500, b"{}");
    begin(&store, 4, "/open");
    store.flush();
    let reader = store.reader().expect("a reader");
    let cases: &[(&str, &[i64])] = &[
        ("", &[1, 2, 3, 4]),
        ("quick", &[1]),
        ("\"quick brown\"", &[1]),
        ("\"brown quick\"", &[]),
        ("bro", &[1]),
        ("zoë", &[1, 2, 3]),
        ("ZOE", &[1, 2, 3]),
        ("\"zoe qua\"", &[1, 2, 3]),
        ("\"zoe quar x\"", &[]),
        ("body:\"brown fox\" -body:quick", &[]),
        ("request-body:\"name zo\" response-body:\"the quick brown f\"", &[1]),
        ("\"fox 8443\" or \"8443 cart\"", &[1]),
        ("header.x-odd-case=YES request-header:odd-case", &[1, 2, 3, 4]),
        ("response-header.x-odd-case:yes", &[]),
        ("response-header.content-type!=text/html", &[1, 2, 3, 4]),
        ("header:\"content-type: text\"", &[1, 2, 3]),
        ("not header.content-type~html", &[4]),
        ("body:fox", &[1]),
        ("request-body:fox", &[]),
        ("request-body:quark", &[1, 2, 3]),
        ("response-body~f.x", &[1]),
        ("status:4xx or status=500", &[2, 3]),
        ("status>=400 -path:login", &[3]),
        ("not status:200", &[2, 3, 4]),
        ("path:100%_s", &[3]),
        ("path:1%e", &[]),
        ("path:/login", &[2]),
        ("path:in?next", &[2]),
        ("path=/cart", &[1]),
        ("path:/car", &[1]),
        ("path:/CART", &[1]),
        ("path:art/", &[]),
        ("not path:/login", &[1, 3, 4]),
        ("host=shop.test", &[1, 2, 3, 4]),
        ("host:shop", &[1, 2, 3, 4]),
        ("host~^shop", &[1, 2, 3, 4]),
        ("host!=shop.test", &[]),
        ("not host:other", &[1, 2, 3, 4]),
        ("url:shop.test:8443/lo", &[2]),
        ("not status:200-299", &[2, 3, 4]),
        ("url:shop.test:8443/cart", &[1]),
        ("port:8443 method:post", &[1, 2, 3, 4]),
        ("header.x-odd-case:YES", &[1, 2, 3, 4]),
        ("header.x-odd-case!=yes", &[]),
        ("response-header.content-type~^text", &[1, 2, 3]),
        ("type:html", &[1, 2, 3]),
        ("is:open", &[4]),
        ("is:error", &[2, 3]),
        ("took>10ms", &[1, 2, 3]),
        ("size>20 size<1kb", &[1]),
        ("id:2-3", &[2, 3]),
        ("'; DROP TABLE flow; --", &[]),
        ("path:'", &[]),
        ("\"\\\" OR 1=1\"", &[]),
        ("(quick or nothing) status>300", &[2]),
        ("open", &[4]),
        ("type=text/html -is:open", &[1, 2, 3]),
        ("type!=text/html", &[4]),
        ("not type:html", &[4]),
        ("type~^TEXT", &[]),
        ("method!=get version:1.1", &[1, 2, 3, 4]),
        ("scheme=HTTPS is:tls", &[1, 2, 3, 4]),
        ("path~^/(cart|open)$", &[1, 4]),
        ("path!=/cart", &[2, 3, 4]),
        ("path=/CART", &[1]),
        ("url=https://shop.test:8443/cart", &[1]),
        ("path:8443", &[]),
        ("url:8443/", &[1, 2, 3, 4]),
        ("status!=200", &[2, 3]),
        ("not status!=200", &[1, 4]),
        ("took<10ms", &[]),
        ("not took>10ms", &[4]),
        ("connection:1 id>=2", &[2, 3, 4]),
        ("error:x or statement:y or is:sql or is:passed or is:repeat", &[]),
        ("not (error:x or is:changed or is:partial or is:websocket)", &[1, 2, 3, 4]),
        ("quick or status:500", &[1, 3]),
        ("not (quick or status:500)", &[2, 4]),
        ("request-body~Quark$", &[]),
        ("header.content-type:json -header.x-other:1", &[1, 2, 3, 4]),
        ("client:127.0.0.1:47", &[1, 2, 3, 4]),
        ("client=127.0.0.1:4711 status:200", &[1]),
        ("client~:4711$ -status:200", &[2, 3, 4]),
        ("client!=127.0.0.1:4711", &[]),
        ("client!=127.0.0.1:4712 is:open", &[4]),
        ("client:4712 or not client:127", &[]),
    ];
    for (filter, ids) in cases {
        assert_eq!(found(&reader, filter), *ids, "{filter}, before it is indexed");
    }
    store.flush_index();
    for (filter, ids) in cases {
        assert_eq!(found(&reader, filter), *ids, "{filter}, indexed");
    }
    // So many more that the first are noted by column.
    for id in (5_000..6_200).step_by(20) {
        begin(&store, id, "/later");
    }
    store.flush();
    let blocks = || {
        let database = schema::readable(&store.shared.path).expect("a session");
        database
            .query_row("SELECT count(DISTINCT place/32) FROM fact", [], |row| row.get::<_, i64>(0))
    };
    while blocks().expect("a count") == 0 {
        store.flush_index();
    }
    for (filter, ids) in cases {
        let first: Vec<_> = found(&reader, filter).into_iter().filter(|id| *id < 10).collect();
        assert_eq!(first, *ids, "{filter}, by column");
    }
    // What cannot be read of it is asked of the rows.
    let database = rusqlite::Connection::open(&store.shared.path).expect("a session");
    database.busy_timeout(Duration::from_secs(30)).expect("set");
    for data in ["data||x'ff'", "x'ff'", "x''"] {
        database.execute(&format!("UPDATE fact SET data={data} WHERE place%32>0"), []).expect(data);
        for (filter, ids) in cases {
            let first = found(&reader, filter).into_iter().filter(|id| *id < 10);
            assert_eq!(first.collect::<Vec<_>>(), *ids, "{filter}, {data}");
        }
    }
    for (table, data) in
        [("spot", "x'ff'"), ("word", "data||x'ff'"), ("word", "x'ff'"), ("run", "x''")]
    {
        database.execute(&format!("UPDATE {table} SET data={data}"), []).expect(data);
        for (filter, ids) in cases {
            let first = found(&reader, filter).into_iter().filter(|id| *id < 10);
            assert_eq!(first.collect::<Vec<_>>(), *ids, "{filter}, {table} {data}");
        }
    }
    for length in [1, 50, 600, 5_000] {
        for table in ["fact", "run", "word", "spot"] {
            let sql = format!("UPDATE {table} SET data=randomblob(?)");
            database.execute(&sql, [length]).expect("made");
        }
        for (filter, _) in cases {
            reader.ids(&Filter::parse(filter).expect(filter), 10_000).expect(filter);
        }
    }
    database.execute("DELETE FROM run", []).expect("deleted");
    database
        .execute("INSERT OR IGNORE INTO unindexed SELECT id FROM flow", [])
        .expect("waits again");
    database.execute("DELETE FROM fact", []).expect("deleted");
    note_facts(&store.shared.path).expect("noted");
    assert!(blocks().expect("a count") > 0);
    // One that comes late is found all the same.
    whole(&store, 7, "/late", 404, b"nothing");
    store.flush();
    assert_eq!(found(&reader, "status:404"), [2, 7]);
}

#[test]
fn a_search_goes_on_where_its_time_was_over() {
    let (_folder, store) = made();
    for id in 1..=9_000 {
        whole(&store, id, if id % 3 == 0 { "/third" } else { "/other" }, 200, b"x");
    }
    store.flush();
    let reader = store.reader().expect("a reader");
    for order in [Order::Newest, Order::Oldest] {
        let filter = Filter::parse("path~rd$ header.x-odd-case:yes").expect("a filter");
        let mut search = reader.search(&filter, order, Some(8_999)).expect("begun");
        let mut steps = 0;
        while !search.is_complete() {
            // As little as can be at once.
            reader.go_on(&mut search, Instant::now() + Duration::from_micros(1)).expect("goes on");
            steps += 1;
        }
        assert!(steps > 1, "{steps}");
        assert_eq!(search.total(), 2_999);
        let mut ids = search.ids(2_990, 100);
        if order == Order::Newest {
            ids.reverse();
            assert_eq!(ids, (1..=9).map(|n| n * 3).collect::<Vec<_>>());
        } else {
            assert_eq!(ids, (2_991..=2_999).map(|n| n * 3).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_search_by_text_has_the_newest_first() {
    let (_folder, store) = made();
    const FLOWS: u64 = 9_000;
    for id in 1..=FLOWS {
        // All have two words that never stand in a row, and each has one of its own.
        whole(&store, id, "/common", 200, format!("<p>seldom{id}</p>").as_bytes());
        // Else bodies would be dropped.
        if id % 200 == 0 {
            store.flush();
        }
    }
    store.flush_index();
    note_facts(&store.shared.path).expect("noted");
    let reader = store.reader().expect("a reader");
    for (filter, total) in [
        ("common", FLOWS),
        ("comm", FLOWS),
        ("body:seldom", FLOWS),
        ("s", FLOWS),
        ("body:common", 0),
        ("\"common application\"", 0),
        ("\"x odd case yes\"", FLOWS),
        ("\"common x\"", 0),
        ("body:seldom59 common", 111),
        ("not common", 0),
        ("not body:seldom1", FLOWS - 1_111),
        ("header.x-odd-case:yes", FLOWS),
        ("header.content-type:xml", 0),
        ("path:/comm", FLOWS),
        ("url:test:8443/comm", FLOWS),
    ] {
        let parsed = Filter::parse(filter).expect(filter);
        for order in [Order::Newest, Order::Oldest] {
            let mut search = reader.search(&parsed, order, None).expect(filter);
            let mut so_far = Vec::new();
            while !search.is_complete() {
                // As little as can be at once.
                reader.go_on(&mut search, Instant::now()).expect(filter);
                // What is found comes behind what was found.
                let now = search.ids(0, u64::MAX);
                assert!(now.starts_with(&so_far), "{filter}");
                so_far = now;
            }
            assert_eq!(search.total(), total, "{filter}");
            assert_eq!(so_far.len() as u64, total, "{filter}");
            assert!(so_far.is_sorted_by(|a, b| (a < b) == (order == Order::Oldest)), "{filter}");
        }
    }
}

#[test]
fn what_goes_takes_its_words_along() {
    let folder = TempDir::new().expect("a folder");
    let options = Options { keep: 4 << 20, ..Options::default() };
    let store = Store::create(&folder.path().join("s.db"), options).expect("a store");
    // No text: it only takes room.
    let body = [0; 1_000];
    for id in 1..=12_000 {
        whole(&store, id, &format!("/page{id}"), 200, &body);
        if id % 500 == 0 {
            store.flush_index();
        }
    }
    let reader = store.reader().expect("a reader");
    let ids = reader.ids(&Filter::parse("").expect("a filter"), 100_000).expect("read");
    let oldest = ids.expect("few")[0];
    assert!(oldest > facts::BLOCK, "the first is {oldest}");
    let begin = facts::range(facts::block_of(oldest)).0;
    let count = |sql: &str| {
        let count =
            |c: &mut rusqlite::Connection| c.query_row(sql, [begin], |row| row.get::<_, i64>(0));
        reader.with(count).expect(sql)
    };
    assert_eq!(count("SELECT count(*) FROM run WHERE flow<?"), 0);
    assert_eq!(count("SELECT count(*) FROM word WHERE place/65536<?"), 0);
    assert_eq!(count("SELECT count(*) FROM spot WHERE place/65536<?"), 0);
    assert!(count("SELECT count(*) FROM spot WHERE place/65536>=?") > 0);
    let found = reader.ids(&Filter::parse("page11999").expect("a filter"), 10).expect("read");
    assert_eq!(found, Some(vec![11_999]));
}

#[test]
fn the_index_says_what_the_texts_say() {
    const WORDS: [&str; 8] = ["a", "ab", "abc", "b", "ba", "Éa", "1", "12"];
    let (_folder, store) = made();
    let mut seed = 88_172_645_463_325_252_u64;
    let mut any = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % most as u64) as usize
    };
    let mut words = |count| (0..count).map(|_| WORDS[any(8)]).collect::<Vec<_>>().join(" ");
    for id in 1..=400 {
        whole(&store, id, &format!("/{}", words(3)), 200, words(id as usize % 12).as_bytes());
    }
    store.flush();
    let filters: Vec<String> = (0..300)
        .map(|n| {
            let field = ["", "body:", "response-body:", "not "][n % 4];
            format!("{field}\"{}\"", words(1 + n % 3))
        })
        .collect();
    let reader = store.reader().expect("a reader");
    let all = || -> Vec<_> {
        let ids = |filter: &String| {
            let filter = Filter::parse(filter).expect(filter);
            reader.ids(&filter, 1_000).expect("read").expect("few")
        };
        filters.iter().map(ids).collect()
    };
    // What the indexer has got to by now makes no difference.
    let before = all();
    store.flush_index();
    for ((filter, before), after) in filters.iter().zip(before).zip(all()) {
        assert_eq!(before, after, "{filter}");
    }
}
